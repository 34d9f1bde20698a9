// Draws every screen: node tests/pictures.js FOLDER [NAME…]
import { mkdir } from "node:fs/promises";
import { screens, show } from "./screens.js";
import { stage } from "./stage.js";

const [folder = "screens", ...names] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const set = await stage();
for (const screen of screens.filter((one) => names.length === 0 || names.includes(one.name))) {
  for (const [width, height] of [[900, 600], [1440, 900]]) {
    const opened = await set.open(screen.scenario, { width, height, motion: "reduce" });
    await show(opened, screen);
    for (const colorScheme of ["light", "dark"]) {
      await opened.page.emulateMedia({ colorScheme });
      await opened.page.screenshot({ path: `${folder}/${screen.name}-${colorScheme}-${width}.png` });
    }
    await opened.close();
  }
}
await set.close();
