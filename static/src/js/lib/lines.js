// Text in chunks becomes lines. A line that is too long is cut into pieces, so that a megabyte
// without a newline stays as light as any other output.
export const LONGEST_LINE = 2000;

export class Lines {
  constructor(longest = LONGEST_LINE) {
    this.longest = longest;
    this.open = "";
  }

  /** The lines that this text completes; what follows the last newline stays in `open`. */
  push(text) {
    const parts = (this.open + text).split("\n");
    this.open = parts.pop();
    const lines = parts.flatMap((part) => this.cut(part));
    if (this.open.length > this.longest) {
      const pieces = this.cut(this.open);
      this.open = pieces.pop();
      lines.push(...pieces);
    }
    return lines;
  }

  cut(line) {
    const pieces = [];
    for (let at = 0; at < line.length; at += this.longest) pieces.push(line.slice(at, at + this.longest));
    return pieces.length ? pieces : [""];
  }
}
