// One manifest in an editor. The form's text area stays the truth: it is what is kept, checked and applied,
// and what remains where this script does not run.
import { completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { word } from "../lib/words.js";
import { isOpenState } from "../lab/states.js";
import { fieldCompletion } from "./hints.js";

const CHECK_AFTER = 900; // ms without a key
const applied = new Map(); // by step, the run that has ended: htmx may put a fresh form in place meanwhile

export class Editor {
  constructor(form) {
    this.form = form;
    this.area = form.querySelector("textarea[name=text]");
    this.state = form.querySelector("[data-edit-state]");
    this.restore = form.querySelector("[data-edit-restore]");
    this.mine = form.querySelector("[data-edit-mine]");
    this.original = form.querySelector("[data-edit-original]").value;
    this.before = form.querySelector("[data-edit-before]").value;
    this.view = this.open();
    this.listen();
  }

  open() {
    const view = new EditorView({ doc: this.area.value, extensions: this.extensions() });
    this.area.before(view.dom);
    this.area.hidden = true;
    return view;
  }

  extensions() {
    const label = this.form.querySelector(".edit-label");
    label.addEventListener("click", () => this.view.focus());
    return [
      lineNumbers(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      history(),
      indentOnInput(),
      indentUnit.of("  "),
      EditorState.tabSize.of(2),
      bracketMatching(),
      yaml(),
      syntaxHighlighting(classHighlighter),
      fieldCompletion(this.form.dataset.hints),
      lintGutter(),
      // Tab is left alone: it leads out of the editor, as everywhere on the page.
      keymap.of([...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
      EditorView.contentAttributes.of({ "aria-labelledby": label.id, spellcheck: "false" }),
      EditorView.updateListener.of((update) => update.docChanged && this.changed()),
    ];
  }

  listen() {
    this.restore.addEventListener("click", (event) => this.giveBack(event, this.original, "original"));
    this.mine.addEventListener("click", (event) => this.giveBack(event, this.before, "mine"));
    this.form.addEventListener("submit", () => clearTimeout(this.timer));
    this.form.parentElement.addEventListener("click", (event) => this.goTo(event));
    addEventListener("pagehide", () => this.keep(""));
  }

  changed() {
    this.area.value = this.view.state.doc.toString();
    this.isKept = false;
    this.state.textContent = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), CHECK_AFTER);
  }

  /** Keeps the text too; what the server finds comes as the review below the editor. */
  check() {
    if (!this.form.isConnected) return;
    const target = this.form.parentElement.querySelector(".review");
    window.htmx.ajax("POST", this.form.action, { source: this.form, target, swap: "outerHTML", values: { act: "check" } });
  }

  /** Tells the server without waiting: also while the page goes away. */
  keep(act) {
    if (this.isKept !== false && !act) return;
    const fields = new FormData(this.form);
    fields.set("act", act);
    fetch(this.form.action, { method: "POST", body: fields, keepalive: true, redirect: "manual" }).catch(() => {
      this.isKept = false;
    });
    this.isKept = true;
  }

  /** Puts another text in place. Undo brings the old one back, and so does the other button. */
  giveBack(event, text, act) {
    event.preventDefault();
    const old = this.area.value;
    this.keep(act);
    this.before = old;
    this.mine.hidden = act === "mine" && old === this.original;
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    this.view.focus();
  }

  goTo(event) {
    const link = event.target.closest("[data-go-line]");
    if (!link) return;
    event.preventDefault();
    const line = this.lineAt(Number(link.dataset.goLine));
    this.view.dispatch({ selection: { anchor: line.from }, scrollIntoView: true });
    this.view.focus();
  }

  /** After every change of the page: an apply that has ended makes the last review old. */
  look() {
    const step = this.form.closest(".step");
    const ended = step.dataset.run && !isOpenState(step.dataset.runState) ? step.dataset.run : null;
    if (applied.has(step.id) && ended && ended !== applied.get(step.id)) this.check();
    applied.set(step.id, ended);
    this.showProblems();
  }

  showProblems() {
    const review = this.form.parentElement.querySelector(".review");
    if (review === this.review) return;
    this.review = review;
    this.isKept = true;
    if (review.childElementCount) this.state.textContent = word("kept");
    const problems = [...review.querySelectorAll("[data-line]")].map((problem) => this.diagnosticOf(problem));
    problems.sort((one, other) => one.from - other.from);
    this.view.dispatch(setDiagnostics(this.view.state, problems));
  }

  diagnosticOf(problem) {
    const line = this.lineAt(Number(problem.dataset.line) || 1);
    const message = problem.querySelector("[data-problem]").textContent;
    return { from: line.from + line.text.search(/\S|$/), to: line.to, severity: "error", message };
  }

  lineAt(number) {
    const { doc } = this.view.state;
    return doc.line(Math.min(Math.max(1, number), doc.lines));
  }
}
