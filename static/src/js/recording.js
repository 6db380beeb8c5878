import { RecordedOutput } from "./recording/output.js";

for (const element of document.querySelectorAll("[data-cast-url]")) new RecordedOutput(element);
