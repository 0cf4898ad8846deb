// What is drawn where on a page, and in which colours: lines of text, circles and lines of the steps.
() => {
  const boxes = [];
  const add = (name, left, top, right, bottom, owner) => boxes.push({ name, left, top, right, bottom, owner });
  const hidden = (one) => one.closest(".unseen, script, style, details:not([open]) > :not(summary)")
    || getComputedStyle(one).visibility === "hidden";
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (parts) => parts.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (one) => {
    for (let here = one; here; here = here.parentElement) {
      const colour = rgb(getComputedStyle(here).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, one = text.parentElement;
    if (!text.textContent.trim() || hidden(one)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    // A line's box is as high as its font; letters of two lines meet only if more than a quarter of them does.
    for (const box of range.getClientRects()) {
      const air = box.height / 8;
      add(text.textContent.trim(), box.left, box.top + air, box.right, box.bottom - air, text);
    }
    const [more, less] = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
    const ratio = (more + 0.05) / (less + 0.05);
    if (ratio < 4.5) pale.push([text.textContent.trim(), ratio]);
  }
  for (const step of document.querySelectorAll(".way li")) {
    const box = step.getBoundingClientRect();
    for (const part of ["::before", "::after"]) {
      const style = getComputedStyle(step, part);
      if (style.content === "none") continue;
      const [left, top, width, height] = ["left", "top", "width", "height"].map((name) => parseFloat(style[name]));
      add(part, box.left + left, box.top + top, box.left + left + width, box.top + top + height, step);
    }
  }
  const overlaps = [];
  boxes.forEach((one, place) => boxes.slice(place + 1).forEach((other) => {
    if (one.owner === other.owner && one.owner.nodeType === Node.TEXT_NODE) return;
    const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (across > 0 && down > 0) overlaps.push([one.name, other.name, across, down]);
  }));
  return {
    wide: document.documentElement.scrollWidth, window: innerWidth, overlaps, pale, language: document.documentElement.lang,
  };
}
