import { startHtmx } from "./site/htmx.js";
import { startHelp } from "./site/help.js";
import { startMenus } from "./site/menus.js";
import { startNotices } from "./site/notices.js";
import { startContents } from "./site/contents.js";
import { startThemeSwitch } from "./site/theme-switch.js";
import { startSearch } from "./site/search.js";
import { startTerms } from "./site/terms.js";
import { startTimes } from "./site/times.js";

startThemeSwitch();
startMenus();
startNotices();
startHtmx();
startContents();
startSearch();
startHelp();
startTerms();
startTimes();
