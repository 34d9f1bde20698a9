// Runs in the window: turns what the program says into a large vault, and measures what a person waits for.
globalThis.speed = (() => {
  /** The first snapshot and its source, many times. Every tenth source needs attention; the first one has half of all snapshots. */
  function multiplied(overview, sources, snapshots) {
    const model = overview.sources.find((one) => one.snapshots.length > 0);
    if (model === undefined) return overview;
    const HOUR = 3600;
    const many = Math.floor(snapshots / 2);
    const few = Math.floor((snapshots - many) / (sources - 1));
    const rest = snapshots - many - few * (sources - 1);
    const made = Array.from({ length: sources }, (_, number) => {
      const name = `db-${String(number).padStart(3, "0")}`;
      const length = number === 0 ? many + rest : few;
      return {
        ...model,
        id: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
        name,
        protection: number % 10 === 9 ? "overdue" : "current",
        snapshots: Array.from({ length }, (_, at) => ({
          ...model.snapshots[0],
          id: `${String(number).padStart(4, "0")}${String(at).padStart(8, "0")}`.padEnd(64, "0"),
          source: name,
          created: model.snapshots[0].created - at * HOUR,
          bytes: 4e9 - at * 1e5,
        })),
      };
    });
    return { ...overview, sources: made };
  }

  /** From now on the program's overview is a large one. */
  function feed(sources, snapshots) {
    const real = window.fetch.bind(window);
    window.fetch = async (url, options) => {
      const response = await real(url, options);
      if (!String(url).endsWith("/overview") || response.headers.get("Tauri-Response") !== "ok") return response;
      return new Response(JSON.stringify(multiplied(await response.json(), sources, snapshots)), { headers: response.headers });
    };
  }

  const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
  async function until(found) {
    for (let value = found(); ; value = found()) {
      if (value) return value;
      await frame();
    }
  }

  /** Rows, entries and options in the document. */
  const nodes = () => document.querySelectorAll("li, tr, [role=listitem], [role=row], [role=option]").length;

  /** A scroll event, until its script has run and the page is laid out: milliseconds. */
  async function scrolled(list, top) {
    await frame();
    const start = performance.now();
    list.scrollTop = top;
    list.dispatchEvent(new Event("scroll"));
    // The page's effects run behind the event.
    await Promise.resolve();
    await Promise.resolve();
    void document.body.offsetHeight;
    return performance.now() - start;
  }

  /** The times of many scroll events, sorted: a wheel's steps, and now and then a jump of the scroll bar. */
  async function scrolls(list, steps) {
    const times = [];
    const most = list.scrollHeight - list.clientHeight;
    for (let step = 1; step <= steps; step += 1) {
      times.push(await scrolled(list, step % 5 === 0 ? (most * step) / steps : list.scrollTop + 90));
    }
    return times.sort((a, b) => a - b);
  }

  const grid = () => document.querySelector("main [role=grid][aria-rowcount]");
  const page = (at) => document.querySelectorAll("nav li button")[at];

  async function measured() {
    const STEPS = 100;
    const at95 = (times) => Math.round(10 * times[Math.ceil(times.length * 0.95) - 1]) / 10;
    (await until(() => page(0))).click();
    const row = await until(() => [...document.querySelectorAll("main .open")].find((one) => one.textContent.includes("db-000")));
    const home = { nodes: nodes(), scroll: at95(await scrolls(document.querySelector("main"), STEPS)) };
    const start = performance.now();
    row.click();
    await until(() => grid()?.querySelector("[aria-selected]"));
    void document.body.offsetHeight;
    const source = { open: Math.round(performance.now() - start), nodes: 0, scroll: at95(await scrolls(grid(), STEPS)) };
    source.nodes = nodes();
    page(1).click();
    await until(() => document.querySelector("main h1") && grid()?.getAttribute("aria-rowcount") > 4000);
    const snapshots = { nodes: nodes(), scroll: at95(await scrolls(grid(), STEPS)) };
    snapshots.nodes = Math.max(snapshots.nodes, nodes());
    return { home, source, snapshots };
  }

  return { multiplied, feed, measured };
})();
