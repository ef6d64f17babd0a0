#!/usr/bin/env bash
# Brings the real VS Code into a folder, from packages alone: the release of package.json beside this file, or with
# `floor` VS Code 1.96, the oldest the extension is for.
#   ./install.sh DIRECTORY [floor]
# The packages' own scripts are not run: they compile a dozen modules that these tests do not need.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
directory=$(mkdir -p "$1" && cd "$1" && pwd)
quiet=(--ignore-scripts --no-audit --no-fund --silent)

cp "$here/package.json" "$here/package-lock.json" "$directory"
cd "$directory"
vscode=node_modules/code-server/lib/vscode
if [[ ! -f $vscode/complete ]] || ! cmp -s package-lock.json installed.json; then
  npm ci "${quiet[@]}"
  if [[ ${2:-} == floor ]]; then
    npm install "${quiet[@]}" --no-save code-server@4.96.4
    npm_config_build_from_source=true npm rebuild --silent argon2
  fi
  cd "$vscode"
  if [[ ${2:-} == floor ]]; then
    # One locked dependency stands at a git host; its registry release does as well.
    node -e '
      const fs = require("fs");
      const lock = JSON.parse(fs.readFileSync("npm-shrinkwrap.json"));
      delete lock.packages["node_modules/@vscode/proxy-agent"];
      lock.packages[""].dependencies["@vscode/proxy-agent"] = "^0.27.0";
      fs.writeFileSync("npm-shrinkwrap.json", JSON.stringify(lock));'
    npm install "${quiet[@]}" --omit=dev --legacy-peer-deps
    npm rebuild --silent @vscode/spdlog native-watchdog
  else
    npm ci "${quiet[@]}" --omit=dev --legacy-peer-deps
  fi
  touch complete
  cd "$directory"
  cp package-lock.json installed.json
fi
