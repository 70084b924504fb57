"use strict";

const element = (id) => document.getElementById(id);
const number = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value);

function cell(value) {
  if (Array.isArray(value)) return value.map(number).join(", ");
  if (value !== null && typeof value === "object") {
    return Object.entries(value).map(([name, item]) => `${name} ${number(item)}`).join(", ");
  }
  return number(value);
}

function line(cells, kind) {
  const row = document.createElement("tr");
  for (const text of cells) {
    const item = document.createElement(kind);
    item.textContent = text; // never markup: names come from files
    row.append(item);
  }
  return row;
}

function show({ answers, warnings }) {
  const heads = Object.keys(answers[0]);
  element("answers").tHead.replaceChildren(line(heads, "th"));
  const rows = answers.map((answer) => line(heads.map((head) => cell(answer[head])), "td"));
  element("answers").tBodies[0].replaceChildren(...rows);
  element("answers").hidden = false;
  element("status").textContent = warnings.join("; ");
}

async function ask(name, content) {
  element("status").textContent = "…";
  element("answers").hidden = true;
  try {
    const target = `predict?name=${encodeURIComponent(name)}`;
    const response = await fetch(target, {
      method: "POST",
      body: content,
      headers: { "Content-Type": "application/octet-stream" },
    });
    const reply = await response.json();
    if (response.ok) show(reply);
    else element("status").textContent = reply.error;
  } catch (error) {
    element("status").textContent = `No answer: ${error.message}`;
  }
}

const drop = element("drop");
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) ask(file.name, file);
});
element("file").addEventListener("change", () => {
  const [file] = element("file").files;
  if (file) ask(file.name, file);
});
element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("rows.csv", element("rows").value);
});
