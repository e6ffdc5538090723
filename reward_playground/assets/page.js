// The playground's behaviour: the picture that is asked about stays here, forms go to the server, and what
// comes back as HTML takes its place. Not for anything that is said or computed: the server does that.
"use strict";

const here = location.origin + location.pathname; // an address with a password in it cannot be fetched from
const form = document.getElementById("question");
const find = (id) => document.getElementById(id);
let picture = null; // a Blob, as it is sent
let shownUrl = null;
let frameWanted = new AbortController(); // ends the request for a frame that is not wanted any more

function show(blob, told) {
  picture = blob;
  if (shownUrl) URL.revokeObjectURL(shownUrl);
  shownUrl = URL.createObjectURL(blob);
  find("picture").src = shownUrl;
  find("picture").hidden = false;
  find("drop-hint").hidden = true;
  find("picture-told").textContent = told;
}

function take(file) {
  if (!file) return;
  frameWanted.abort();
  show(file, `${file.name || "pasted picture"}, ${Math.ceil(file.size / 1024)} kB`);
}

function put(target, html) {
  target.innerHTML = html; // the server escaped all that is not its own
}

function told(message) {
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = message;
  return notice.outerHTML;
}

// The header says that this script sent a request: a browser lets no other site send it.
function ask(path, options) {
  return fetch(new URL(path, here), { ...options, headers: { "X-Playground": "1" } });
}

async function fragment(path, body, signal) {
  try {
    const response = await ask(path, body ? { method: "POST", body, signal } : {});
    const text = await response.text();
    const isHtml = (response.headers.get("Content-Type") || "").startsWith("text/html");
    return { ok: response.ok, html: isHtml ? text : told(`${response.status}: ${text}`) };
  } catch (error) {
    return { ok: false, html: told(`The server cannot be reached: ${error.message}`) };
  }
}

// --- a task's frame -----------------------------------------------------------------------------------------

function sliders() {
  return [...form.querySelectorAll(`.sliders[data-task="${CSS.escape(find("task").value)}"] [data-slider]`)];
}

function chooseTask() {
  for (const group of form.querySelectorAll(".sliders")) {
    group.hidden = group.dataset.task !== find("task").value;
  }
  find("along").replaceChildren(
    ...sliders().map((slider) => new Option(slider.dataset.title, slider.dataset.slider)),
  );
}

async function takeFrame() {
  frameWanted.abort();
  const { signal } = (frameWanted = new AbortController());
  const query = new URLSearchParams({ task: find("task").value });
  for (const slider of sliders()) query.set(slider.dataset.slider, slider.value);
  try {
    const response = await ask(`frame?${query}`, { signal });
    if (!response.ok) throw new Error(response.statusText);
    const frame = await response.blob();
    if (!signal.aborted) show(frame, `true: ${response.headers.get("X-Truth")}`);
  } catch {
    if (!signal.aborted) find("picture-told").textContent = "The frame could not be rendered.";
  }
}

function later(work, delayMs) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, delayMs);
  };
}

const sliderMoved = later(async () => {
  await takeFrame();
  if (find("live").checked) await post(form.querySelector(".main[data-post='ask']"));
}, 60);

// --- asking -------------------------------------------------------------------------------------------------

const asked = {}; // by target, what ends the request under way: a later question takes its place

async function post(button) {
  const target = find(button.dataset.target);
  const body = new FormData(form);
  body.set("url", new URL("..", here).href);
  if (button.dataset.null) body.set("null", button.dataset.null);
  if (picture) body.set("picture", picture, "picture");
  asked[target.id]?.abort();
  const own = (asked[target.id] = new AbortController());
  target.setAttribute("aria-busy", "true");
  const answer = await fragment(button.dataset.post, body, own.signal);
  if (own.signal.aborted) return;
  put(target, answer.html);
  const sent = target.querySelector("[data-sent]"); // the picture is in the answer once
  for (const link of target.querySelectorAll("a[download]")) link.href = sent.src;
  target.removeAttribute("aria-busy");
  target.hidden = false;
  if (matchMedia("(max-width: 46rem)").matches) target.scrollIntoView({ block: "nearest" });
}

async function replaceRubric(slot, answer) {
  const place = find(`rubric-${slot}`);
  if (answer.ok) {
    put(place, answer.html);
    settle(place);
  } else {
    place.querySelector(".notice")?.remove();
    place.insertAdjacentHTML("afterbegin", answer.html);
  }
}

const MAPS = {
  yes_no: ["probability", "affine"],
  expectation: ["distance", "affine"],
  number: ["distance", "affine"],
  choice: ["weights"],
};

// Only maps that go with the readout can be chosen, and places of a prompt have a field.
function settle(rubric) {
  const map = rubric.querySelector(".map");
  const fitting = MAPS[rubric.querySelector(".readout").value];
  for (const option of map.options) option.hidden = option.disabled = !fitting.includes(option.value);
  if (!fitting.includes(map.value)) map.value = fitting[0];
  const prompt = rubric.querySelector("[name$='.prompt']").value;
  rubric.querySelector(".for-places").hidden = !/\{[A-Za-z_][A-Za-z0-9_]*\}/.test(prompt);
}

// --- what a visitor does ------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => event.preventDefault());

form.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const snippet = button.closest(".snippet");
  if (button.dataset.post) post(button);
  if (button.dataset.tab) {
    for (const tab of form.querySelectorAll("[data-tab]")) {
      tab.setAttribute("aria-selected", String(tab === button));
    }
    for (const panel of form.querySelectorAll("[data-panel]")) {
      panel.hidden = panel.dataset.panel !== button.dataset.tab;
    }
  }
  if ("copy" in button.dataset) {
    await copy(snippet.querySelector("code"));
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
  if (button.dataset.save) save(button.dataset.save, snippet.querySelector("code").textContent);
});

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // over plain HTTP to another host a page has no clipboard; a selection can still be copied
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

form.addEventListener("input", (event) => {
  const slider = event.target.closest("[data-slider]");
  if (slider) {
    slider.closest("label").querySelector("output").textContent = String(Number(slider.value));
    sliderMoved();
  }
  const rubric = event.target.closest(".rubric");
  if (rubric) settle(rubric);
});

form.addEventListener("change", async (event) => {
  const changed = event.target;
  if (changed.id === "task") {
    chooseTask();
    takeFrame();
  }
  if (changed.id === "file") take(changed.files[0]);
  if (changed.dataset.start && changed.value) {
    const query = new URLSearchParams({ name: changed.value, slot: changed.dataset.start });
    replaceRubric(changed.dataset.start, await fragment(`rubric?${query}`));
  }
  if (changed.dataset.open && changed.files[0]) {
    const body = new FormData();
    body.set("slot", changed.dataset.open);
    body.set("file", changed.files[0]);
    replaceRubric(changed.dataset.open, await fragment("opened", body));
  }
});

const drop = find("drop");
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", () => drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault(); // anywhere: a browser would leave the page for the picture
  drop.classList.remove("over");
  take([...event.dataTransfer.files].find((file) => file.type.startsWith("image/")));
});
addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) {
    event.preventDefault();
    take(file);
  }
});
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) post(form.querySelector(".main[data-post='ask']"));
});

chooseTask();
for (const rubric of form.querySelectorAll(".rubric")) settle(rubric);
takeFrame();
