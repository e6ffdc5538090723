// Rewards in JavaScript, with the language's own fetch (Node 18 or newer; a browser needs a proxy of the same origin).
//
//   node examples/score.mjs http://127.0.0.1:8000 cartpole-upright docs/frame.png docs/frame.png
//
// Null policy: a frame without a reward is reported with its reason, and the exit status is 3. No number stands in.
import { readFile } from "node:fs/promises";

const [url, rubric, ...files] = process.argv.slice(2);
const images = await Promise.all(files.map((file) => readFile(file, "base64")));

const response = await fetch(`${url}/score`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ images, rubric }),
  signal: AbortSignal.timeout(60_000),
});
const answer = await response.json();
if (!response.ok) throw new Error(`${response.status}: ${answer.error.message}`);

for (const { index, reward, status, message } of answer.data) {
  if (reward === null) process.exitCode = 3;
  console.log(files[index], reward ?? `no reward (${status}: ${message})`);
}
