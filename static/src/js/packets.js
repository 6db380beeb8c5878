import { startLive } from "./packets/live.js";
import { Workshop } from "./packets/workshop.js";

const page = document.getElementById("workshop");
const workshop = new Workshop(page);
if (page.dataset.live) startLive(page.dataset.live, workshop);
