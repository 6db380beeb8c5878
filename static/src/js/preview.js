// An author's portal: the page loads itself again when a file of the course has changed.
import { followStamp } from "./preview/follow.js";

const { preview, stamp } = document.getElementById("preview").dataset;
followStamp({ ask: () => fetch(preview).then((answer) => answer.json()), stamp, reload: () => location.reload() });
