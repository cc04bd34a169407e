// solc's command line, as far as py-solc-x uses it: `--version` and `--standard-json`.
// With `--standard-json-lines`, which solc has not, it answers one question a line and stays for the next:
// starting takes half a second, and the first compilations far longer than later ones.
"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");
const solc = require("solc");

function allowedFolders(argv) {
  const at = argv.indexOf("--allow-paths");
  const given = at < 0 ? "" : argv[at + 1] || "";
  return [".", ...given.split(",").filter(Boolean)].map((folder) => path.resolve(folder));
}

function isInside(file, folder) {
  const relative = path.relative(folder, file);
  return !path.isAbsolute(relative) && relative.split(path.sep)[0] !== "..";
}

// Imports that the JSON input does not hold are read from disk, with solc's own restriction:
// only below the current folder and the allowed paths.
function reader(folders) {
  return (name) => {
    const file = path.resolve(name);
    if (!folders.some((folder) => isInside(file, folder))) {
      return { error: "File outside of allowed directories." };
    }
    try {
      return { contents: fs.readFileSync(file, "utf8") };
    } catch (error) {
      return { error: `File not readable: ${error.message}` };
    }
  };
}

function answer(input, argv) {
  return solc.compile(input, { import: reader(allowedFolders(argv)) });
}

function main(argv) {
  if (argv.includes("--version")) {
    console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
  } else if (argv.includes("--standard-json")) {
    fs.writeFileSync(1, `${answer(fs.readFileSync(0, "utf8"), argv)}\n`);
  } else if (argv.includes("--standard-json-lines")) {
    const lines = readline.createInterface({ input: process.stdin });
    lines.on("line", (line) => console.log(answer(line, argv)));
  } else {
    console.error("Error: only --version and --standard-json are supported here.");
    process.exitCode = 1;
  }
}

main(process.argv.slice(2));
