/** Asks once a second for the course's stamp; another one than the page's reloads it, and ends the asking. */
export async function followStamp({ ask, stamp, reload, pause = () => new Promise((go) => setTimeout(go, 1000)) }) {
  for (;;) {
    await pause();
    // A portal that starts again does not answer for a moment.
    const now = await ask().catch(() => null);
    if (now && now.stamp !== stamp) return reload();
  }
}
