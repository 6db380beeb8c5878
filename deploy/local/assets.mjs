// Bundle what the browser loads: every static/src/js/*.js and static/src/css/*.css becomes a file of the
// same name in static/dist. Parts live in subfolders and are imported; fonts are copied beside.

import { build } from "esbuild";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const source = join(project, "static", "src");
const target = join(project, "static", "dist");
const fresh = join(project, "static", ".dist");

function entries(kind) {
  const files = readdirSync(join(source, kind)).filter((name) => extname(name) === `.${kind}`);
  return files.map((name) => ({ in: join(source, kind, name), out: `${kind}/${basename(name, `.${kind}`)}` }));
}

const entryPoints = [...entries("js"), ...entries("css")];
if (entryPoints.length === 0) {
  console.error(`${source} holds no entry point`);
  process.exit(1);
}

// Built aside and moved into place whole: a broken build leaves the last good one.
rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
await build({
  entryPoints,
  outdir: fresh,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "linked",
  loader: { ".woff2": "file", ".woff": "file", ".svg": "file", ".png": "file" },
  assetNames: "fonts/[name]-[hash]",
  external: ["/static/*"],
  logLevel: "warning",
}).catch(() => process.exit(1));
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
