// The pages work without this: it keeps them up to date, and helps to choose rows.
"use strict";

(() => {
  const $ = (selector, within) => (within || document).querySelector(selector);
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];

  // Regions

  const selectedWithin = (element) => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.anchorNode && element.contains(selection.anchorNode);
  };

  // What has the focus, to be found again after the region was replaced.
  const placeOf = (element) => {
    const focused = document.activeElement;
    if (!element.contains(focused) || focused === element) return null;
    const tag = focused.localName;
    return { tag, index: all(tag, element).indexOf(focused) };
  };

  // The server has escaped all text in it, as in the page itself.
  const replace = (element, html) => {
    const place = placeOf(element);
    const open = new Set(all("details[open]", element).map((one) => one.id));
    element.innerHTML = html;
    for (const one of all("details", element)) one.open = open.has(one.id);
    if (place) all(place.tag, element)[place.index]?.focus({ preventScroll: true });
  };

  const waiting = new Map();

  const settle = () => {
    for (const [name, html] of waiting) {
      const element = $(`[data-region="${CSS.escape(name)}"]`);
      if (element && selectedWithin(element)) continue;
      waiting.delete(name);
      if (element) replace(element, html);
    }
  };

  // Live

  const button = $("[data-live]");
  const address = document.body.dataset.events;
  let source = null;

  const say = (words, pressed, lost) => {
    $("[data-live-label]").textContent = words;
    button.setAttribute("aria-pressed", String(pressed));
    button.classList.toggle("lost", lost);
  };

  const stop = () => {
    source?.close();
    source = null;
  };

  const start = () => {
    stop();
    source = new EventSource(address);
    say("Live", true, false);
    source.addEventListener("open", () => say("Live", true, false));
    source.addEventListener("regions", (event) => {
      for (const [name, html] of Object.entries(JSON.parse(event.data))) waiting.set(name, html);
      settle();
    });
    source.addEventListener("error", () => say("No connection", true, true));
  };

  if (button && address) {
    button.hidden = false;
    button.addEventListener("click", () => {
      if (source) {
        stop();
        say("Paused", false, false);
      } else {
        start();
      }
    });
    document.addEventListener("visibilitychange", () => {
      if (button.getAttribute("aria-pressed") !== "true") return;
      if (document.hidden) stop();
      else start();
    });
    document.addEventListener("selectionchange", settle);
    start();
  }

  // Choosing rows

  for (const form of all("[data-choose]")) {
    const boxes = all('tbody input[type="checkbox"]', form);
    const everything = $("[data-choose-all]", form);
    const words = $("[data-chosen]", form);
    const update = () => {
      const count = boxes.filter((box) => box.checked).length;
      for (const one of all("[data-needs-choice]", form)) one.disabled = count === 0;
      if (words) words.textContent = `${count} selected`;
      if (everything) {
        everything.checked = count > 0 && count === boxes.length;
        everything.indeterminate = count > 0 && count < boxes.length;
      }
    };
    if (!words) continue;
    if (everything) {
      everything.hidden = false;
      everything.addEventListener("change", () => {
        for (const box of boxes) box.checked = everything.checked;
        update();
      });
    }
    form.addEventListener("change", update);
    update();
  }
})();
