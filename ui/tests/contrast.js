// Contrast of what is really drawn: text 4.5:1, signs and edges 3:1. axe leaves out placeholders, disabled controls,
// icons, and edges.

/** Runs in the page. */
function measure() {
  const TEXT = 4.5;
  const SIGN = 3;
  const found = new Set();

  const parse = (color) => {
    const [r = 0, g = 0, b = 0, a = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
    return color.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, color === "transparent" ? 0 : a];
  };
  const over = (top, ground) => [0, 1, 2].map((at) => top[at] * top[3] + ground[at] * (1 - top[3])).concat(1);
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  /** The color behind an element. */
  function ground(element) {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reduceRight((below, color) => over(color, below), [255, 255, 255, 1]);
  }

  function opacity(element) {
    let all = 1;
    for (let at = element; at !== null; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  }

  function check(element, what, color, behind, least) {
    const seen = parse(color);
    const value = ratio(over([seen[0], seen[1], seen[2], seen[3] * opacity(element)], behind), behind);
    if (value < least) {
      const owner = element.closest("[class]") ?? element;
      found.add(`${what} ${value.toFixed(2)} < ${least}: <${element.localName} class="${owner.getAttribute("class")}"> ${(element.textContent ?? "").trim().slice(0, 30)}`);
    }
  }

  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({ visibilityProperty: true });
  };
  const open = document.querySelector("dialog[open]");
  const elements = [...(open ?? document.body).querySelectorAll("*")].filter(visible);

  for (const element of elements) {
    const style = getComputedStyle(element);
    if ([...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "") && element.closest("svg, select") === null) {
      check(element, "text", style.color, ground(element), TEXT);
    }
    if (element.matches("input, select, textarea")) {
      const box = element.matches("[type=checkbox], [type=radio]");
      if (!box) check(element, "field", style.color, ground(element), TEXT);
      if (element.placeholder && element.value === "") check(element, "placeholder", getComputedStyle(element, "::placeholder").color, ground(element), TEXT);
      if (!element.disabled && !element.readOnly || box) check(element, "edge", style.borderTopColor, ground(element.parentElement), SIGN);
      if (box && element.checked) check(element, "check", getComputedStyle(element, "::before").backgroundColor, ground(element), SIGN);
    }
    if (element.matches("[data-sign]")) {
      const filled = parse(style.backgroundColor)[3] > 0;
      check(element, "sign", filled ? style.backgroundColor : style.borderTopColor, ground(element.parentElement), SIGN);
    }
    if (element instanceof SVGGeometryElement && element.closest("[data-decoration]") === null) {
      const shape = element.getBoundingClientRect();
      // On the last filled shape below it, or on the element that holds the drawing.
      const below = [...element.ownerSVGElement.querySelectorAll("*")]
        .slice(0, [...element.ownerSVGElement.querySelectorAll("*")].indexOf(element))
        .findLast((one) => {
          if (!(one instanceof SVGGeometryElement) || getComputedStyle(one).fill === "none" || one.closest("[data-decoration]")) return false;
          const box = one.getBoundingClientRect();
          return box.left <= shape.left + 1 && box.right >= shape.right - 1 && box.top <= shape.top + 1 && box.bottom >= shape.bottom - 1;
        });
      const behind = below ? over(parse(getComputedStyle(below).fill), ground(element.ownerSVGElement)) : ground(element.ownerSVGElement);
      if (below === undefined && shape.width >= element.ownerSVGElement.getBoundingClientRect().width && style.stroke === "none") continue;
      check(element, "icon", style.stroke === "none" ? style.fill : style.stroke, behind, SIGN);
    }
  }
  return [...found];
}

/** All places with too little contrast, as sentences. */
export async function contrast(page) {
  return page.evaluate(measure);
}
