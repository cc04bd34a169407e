// solc's command line, as far as py-solc-x uses it: `--version` and `--standard-json`.
"use strict";

const fs = require("fs");
const path = require("path");
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

function main(argv) {
  if (argv.includes("--version")) {
    console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
  } else if (argv.includes("--standard-json")) {
    const input = fs.readFileSync(0, "utf8");
    const output = solc.compile(input, { import: reader(allowedFolders(argv)) });
    fs.writeFileSync(1, `${output}\n`);
  } else {
    console.error("Error: only --version and --standard-json are supported here.");
    process.exitCode = 1;
  }
}

main(process.argv.slice(2));
