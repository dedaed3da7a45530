// The console in a real browser: one case a run.
// usage: node cases.js FOLDER CASE ORIGIN TOKEN; FOLDER has playwright-core, and the browser's path
// in its file "browser". $PROGRAM, $QUEUE: the program watchbot and the queue's URL. Prints what
// was wrong, with status 1.
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const [, , folder, name, origin, token] = process.argv;
const { chromium } = require(path.resolve(folder, "node_modules/playwright-core"));

const PATIENCE = 60000;

const check = (ok, words) => {
  if (!ok) throw new Error(words);
};

const watchbot = (...args) => execFileSync(process.env.PROGRAM, args, { encoding: "utf8" });
const send = (body, ...more) => watchbot("send", "--queue", process.env.QUEUE, ...more, body);

// A browser whose every complaint is a failure.
class Visit {
  static async start(options = {}, args = []) {
    const visit = new Visit();
    visit.problems = [];
    visit.browser = await chromium.launch({
      executablePath: fs.readFileSync(path.join(folder, "browser"), "utf8").trim(),
      args: ["--no-sandbox", ...args],
    });
    visit.context = await visit.browser.newContext({
      viewport: { width: 1100, height: 800 },
      ...options,
    });
    visit.context.setDefaultTimeout(PATIENCE);
    visit.page = await visit.open();
    return visit;
  }

  async open() {
    const page = await this.context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.problems.push(message.text());
    });
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("dialog", (dialog) => {
      this.problems.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    return page;
  }

  async enter(to = "/") {
    await this.page.goto(`${origin}/?token=${token}`);
    await this.page.waitForURL(`${origin}/`);
    if (to !== "/") await this.page.goto(origin + to);
    return this.page;
  }

  async end() {
    await this.browser.close();
    check(this.problems.length === 0, `the browser complained: ${this.problems.join("; ")}`);
  }
}

const tile = (page, label) => page.locator(".tile", { hasText: label }).locator("dd").first();
const shows = (locator, words) => locator.filter({ hasText: words }).first().waitFor();

const cases = {};

// Sent, seen to run, seen to fail, replayed from the page, seen to be done; nothing is reloaded by
// hand until the letter.
cases.story = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  await shows(tile(page, "Waiting"), "0");
  send("photo-1.jpg", "--subject", "resize");
  await page.locator(".compact", { hasText: "photo-1.jpg" }).getByText("resize").waitFor();
  fs.writeFileSync(process.env.GO, "");
  await shows(tile(page, "Dead letters"), "1");
  await page.locator(".badge", { hasText: "1" }).waitFor();
  await page.getByRole("link", { name: "Dead letters" }).first().click();
  await page.getByRole("link", { name: "resize" }).click();
  await shows(page.locator("pre.body"), "photo-1.jpg");
  fs.writeFileSync(process.env.FIXED, "");
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByRole("heading", { name: /Replay 1 dead letter of/ }).waitFor();
  await page.getByRole("button", { name: "Replay 1 dead letter" }).click();
  await shows(page.getByRole("status"), "1 message sent back to the queue.");
  await page.getByRole("link", { name: "Overview" }).click();
  await shows(tile(page, "Dead letters"), "0");
  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  await page.getByRole("link", { name: "Done" }).click();
  await page.locator("tr", { hasText: "completed" }).first().waitFor();
  await page.locator(".list").getByRole("link", { name: "resize" }).first().click();
  await shows(page.locator(".attempts"), "completed");
  await visit.end();
};

// Where the focus is, and whether it can be seen.
const focus = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    return {
      tag: element.localName,
      text: element.textContent.trim(),
      label: element.getAttribute("aria-label"),
      seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    };
  });

const tabTo = async (page, wanted) => {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const at = await focus(page);
    check(at.seen, `the focus cannot be seen on ${JSON.stringify(at)}`);
    if (wanted(at)) return at;
  }
  throw new Error(`the keyboard does not reach ${wanted}`);
};

cases.keyboard = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  await page.keyboard.press("Tab");
  check(
    (await focus(page)).text === "Skip to content",
    "the first stop is not the link to the content",
  );
  await tabTo(page, (at) => at.text.startsWith("Dead letters"));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dead-letters*");
  await tabTo(
    page,
    (at) => at.label?.startsWith("Select ") && at.tag === "input" && !at.label.includes("all"),
  );
  await page.keyboard.press("Space");
  await shows(page.locator("[data-chosen]"), "1 selected");
  await page.keyboard.press("Shift+Tab");
  for (let presses = 0; presses < 8; presses++) {
    if ((await focus(page)).text === "Delete selected") break;
    await page.keyboard.press("Shift+Tab");
  }
  check((await focus(page)).text === "Delete selected", "no way back to the buttons");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/confirm");
  check((await focus(page)).text === "Delete 1 dead letter", "the question's button has no focus");
  await page.keyboard.press("Enter");
  await shows(page.getByRole("status"), "1 message deleted.");
  await visit.end();
};

// What a region shows changes under the focus, which stays.
cases.focus = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  const summary = page.locator("summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  await shows(tile(page, "Waiting"), "1");
  send("another");
  await shows(tile(page, "Waiting"), "2");
  const at = await focus(page);
  check(at.tag === "summary", `the focus went to ${JSON.stringify(at)}`);
  check(
    await page
      .locator("details")
      .first()
      .evaluate((one) => one.open),
    "the numbers were closed",
  );
  await page.getByRole("button", { name: "Live" }).click();
  await page.getByRole("button", { name: "Paused" }).waitFor();
  send("a third");
  await page.waitForTimeout(2500);
  check((await tile(page, "Waiting").innerText()) === "2", "it changes while it is paused");
  await page.getByRole("button", { name: "Paused" }).click();
  await shows(tile(page, "Waiting"), "3");
  await visit.end();
};

// The contrast of all text with what is behind it, by WCAG 2.
const faint = (page) =>
  page.evaluate(() => {
    const channels = (color) => {
      const canvas = document
        .createElement("canvas")
        .getContext("2d", { willReadFrequently: true });
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
      const linear = [r, g, b].map((v) =>
        v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const behind = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const color = channels(getComputedStyle(one).backgroundColor);
        if (color[3] === 255) return color;
      }
      return [255, 255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (
        !walker.currentNode.data.trim() ||
        element.closest(".sr, .skip, svg, :disabled, [hidden]")
      )
        continue;
      const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5)
        found.push(
          `${walker.currentNode.data.trim().slice(0, 30)} (${element.className}): ` +
            ratio.toFixed(2),
        );
    }
    return found;
  });

const pages = async (page) => {
  await page.goto(`${origin}/dead-letters`);
  const letter = await page.locator(".list a").first().getAttribute("href");
  await page.goto(`${origin}/jobs`);
  const job = await page.locator(".list a").first().getAttribute("href");
  return [
    "/",
    "/jobs",
    "/jobs?state=dead",
    job,
    "/dead-letters",
    "/dead-letters?match=none",
    letter,
    "/nothing",
  ];
};

cases.colors = async () => {
  for (const colorScheme of ["light", "dark"]) {
    const visit = await Visit.start({ colorScheme });
    const page = await visit.enter();
    for (const to of await pages(page)) {
      await page.goto(origin + to);
      const found = await faint(page);
      check(found.length === 0, `${colorScheme} ${to}: hard to read: ${found.join("; ")}`);
    }
    const color = await page.evaluate(() =>
      getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number),
    );
    check(color[0] < 60 === (colorScheme === "dark"), `${colorScheme} is ${color}`);
    visit.problems = visit.problems.filter((words) => !words.includes("404"));
    await visit.end();
  }
};

cases.narrow = async () => {
  const visit = await Visit.start({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await visit.enter();
  for (const to of await pages(page)) {
    await page.goto(origin + to);
    const found = await page.evaluate(() => {
      const wide = document.documentElement.scrollWidth;
      const small = [...document.querySelectorAll("button, .button, nav a")].filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width > 0 && (box.height < 24 || box.width < 24);
      });
      return { wide, small: small.map((one) => one.textContent.trim()) };
    });
    check(found.wide <= 360, `${to} is ${found.wide} pixels wide`);
    check(found.small.length === 0, `${to}: too small to touch: ${found.small}`);
  }
  visit.problems = visit.problems.filter((words) => !words.includes("404"));
  await visit.end();
};

// What a screen reader says: each thing that can be used has a name, each page one main heading.
cases.reader = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  const client = await visit.context.newCDPSession(page);
  for (const to of (await pages(page)).slice(0, -1)) {
    await page.goto(origin + to);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const used = new Set([
      "button",
      "link",
      "textbox",
      "searchbox",
      "checkbox",
      "image",
      "img",
      "table",
      "navigation",
      "form",
    ]);
    const role = (node) => node.role?.value;
    const nameless = nodes.filter(
      (node) =>
        !node.ignored &&
        used.has(role(node)) &&
        !node.name?.value &&
        !["table", "form"].includes(role(node)),
    );
    check(nameless.length === 0, `${to}: without a name: ${nameless.map(role)}`);
    const headings = await page.locator("h1").count();
    check(headings === 1, `${to} has ${headings} main headings`);
    check((await page.locator("html").getAttribute("lang")) === "en", `${to} has no language`);
    const ids = await page.evaluate(() =>
      [...document.querySelectorAll("[id]")].map((one) => one.id),
    );
    check(new Set(ids).size === ids.length, `${to} has an id twice`);
  }
  await visit.end();
};

cases.plain = async () => {
  const visit = await Visit.start({ javaScriptEnabled: false });
  const page = await visit.enter("/dead-letters");
  const before = await page.locator("tbody tr").count();
  await page.locator("tbody input").first().check();
  await page.getByRole("button", { name: "Delete selected" }).click();
  await page.getByRole("button", { name: "Delete 1 dead letter" }).click();
  await shows(page.getByRole("status"), "1 message deleted.");
  check((await page.locator("tbody tr").count()) === before - 1, "the letter is still there");
  await page.goto(`${origin}/`);
  await shows(tile(page, "Dead letters"), String(before - 1));
  check(!(await page.locator("[data-live]").isVisible()), "a button that does nothing");
  await visit.end();
};

// A message full of HTML is text on every page, also in what is sent as it changes.
cases.html = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  const evil = "<img src=x onerror=alert(1)>";
  for (const to of (await pages(page)).slice(0, -1)) {
    await page.goto(origin + to);
    await page.waitForTimeout(1500);
    const found = await page.evaluate(() => ({
      strange: [
        ...document.querySelectorAll("main img, main script, main iframe, main b, main form form"),
      ].length,
      hacked: window.hacked === true,
    }));
    check(found.strange === 0 && !found.hacked, `${to}: ${JSON.stringify(found)}`);
  }
  await page.goto(`${origin}/dead-letters`);
  check(
    (await page.locator(".list").innerText()).includes(evil),
    "the message is not shown as it is",
  );
  await visit.end();
};

// The page of another site, in the same browser that has the cookie.
cases.foreign = async () => {
  const evil = http.createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<form id="f" method="post" action="${origin}/dead-letters/act">
      <input name="do" value="delete"><input name="bound" value="99">
      <input name="queue" value="1"></form>
      <script>f.submit()</script>`);
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  const { port } = evil.address();
  const visit = await Visit.start({}, [`--host-resolver-rules=MAP evil.example 127.0.0.1`]);
  const page = await visit.enter();
  const own = new URL(origin);
  for (const host of ["evil.example", "localhost", "127.0.0.1"]) {
    const answered = page.waitForResponse((one) => one.url().includes("/dead-letters/act"));
    await page.goto(`http://${host}:${port}/`);
    check(
      (await answered).status() === 403,
      `a form from ${host} got ${(await answered).status()}`,
    );
  }
  const rebound = await page.goto(`http://evil.example:${own.port}/dead-letters`);
  check(rebound.status() === 421, `another name of this machine got ${rebound.status()}`);
  const framed = await visit.open();
  await framed.setContent(`<iframe src="${origin}/"></iframe>`);
  await framed.waitForTimeout(1000);
  check(
    !(
      await framed
        .frames()[1]
        ?.content()
        .catch(() => "")
    )?.includes("Overview"),
    "it can be framed",
  );
  await page.goto(`${origin}/dead-letters`);
  check((await page.locator("tbody tr").count()) === 1, "the letter was deleted");
  visit.problems = [];
  await visit.end();
  evil.close();
};

// The first paint of a page, in milliseconds.
const paint = async (page, url) => {
  await page.goto("about:blank");
  await page.goto(url, { waitUntil: "load" });
  return page.evaluate(async () => {
    for (;;) {
      const entry = performance.getEntriesByName("first-paint")[0];
      if (entry) return entry.startTime;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
};

// A queue of 100,000 messages and letters: the first paint is not much later than that of a page of
// the same size whose server does nothing.
cases.many = async () => {
  const visit = await Visit.start();
  const page = await visit.enter();
  await shows(tile(page, "Dead letters"), "100,000");
  const worst = [];
  for (const to of ["/", "/jobs", "/jobs?state=waiting", "/dead-letters"]) {
    const html = await (await page.goto(origin + to)).text();
    const asset = async (pattern) =>
      (
        await visit.context.request.get(origin + html.match(pattern)[1].replace(/&amp;/g, "&"))
      ).body();
    const [style, script] = [
      await asset(/href="([^"]*style[^"]*)"/),
      await asset(/src="([^"]*script[^"]*)"/),
    ];
    const plain = http.createServer((request, response) => {
      if (request.url.startsWith("/style")) response.setHeader("Content-Type", "text/css");
      else if (request.url.startsWith("/script"))
        response.setHeader("Content-Type", "text/javascript");
      else response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(
        request.url.startsWith("/style")
          ? style
          : request.url.startsWith("/script")
            ? script
            : html.replace(/data-events="[^"]*"/, ""),
      );
    });
    await new Promise((resolve) => plain.listen(0, "127.0.0.1", resolve));
    // What other programs of the machine take only makes a paint later: the fastest of each is
    // compared, in turns, and more turns are taken where the machine is busy.
    let [here, there] = [Infinity, Infinity];
    for (let turn = 0; turn < 60 && (turn < 7 || here > 3 * there); turn++) {
      here = Math.min(here, await paint(page, origin + to));
      there = Math.min(there, await paint(page, `http://127.0.0.1:${plain.address().port}/`));
    }
    const ratio = here / there;
    const times = `${here.toFixed(0)} ms, plain ${there.toFixed(0)} ms`;
    const words = `${to}: ${times}, ratio ${ratio.toFixed(2)}`;
    console.log(words);
    if (ratio > 3) worst.push(words);
    plain.close();
  }
  check(worst.length === 0, worst.join("; "));
  visit.problems = visit.problems.filter(
    (words) => !words.includes("favicon") && !words.includes("404"),
  );
  await visit.end();
};

// For the documentation: small files, light and dark.
cases.screenshots = async () => {
  const target = process.env.SHOTS;
  const shoot = async (options, to, file, clip) => {
    const visit = await Visit.start(options);
    const page = await visit.enter();
    let address = to;
    if (to === "job") {
      await page.goto(`${origin}/jobs?state=failed`);
      address = await page.locator(".list a").first().getAttribute("href");
    }
    await page.goto(origin + address);
    await page.waitForTimeout(1600);
    await page.screenshot({ path: path.join(target, file), ...clip });
    await visit.end();
  };
  const size = { width: 1060, height: 800 };
  await shoot({ viewport: size }, "/", "console-overview.png", {});
  await shoot({ viewport: size, colorScheme: "dark" }, "job", "console-job.png", {});
  await shoot(
    { viewport: { width: 1060, height: 620 } },
    "/dead-letters",
    "console-dead-letters.png",
    {},
  );
  await shoot({ viewport: { width: 360, height: 720 } }, "/", "console-narrow.png", {});
};

cases[name]().catch((error) => {
  console.log(error.message);
  process.exit(1);
});
