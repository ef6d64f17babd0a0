// Formats Lua files by editors/neovim/stylua.toml, or with --check says which are not.
//   node stylua.mjs PACKAGE [--check] FILE...       PACKAGE: the folder of @johnnymorganz/stylua
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, ...rest] = process.argv.slice(2);
const stylua = createRequire(pathToFileURL(folder + '/'))(folder + '/stylua_lib_node.cjs');
const check = rest[0] === '--check';
const settings = readFileSync(new URL('../../../editors/neovim/stylua.toml', import.meta.url), 'utf8');
const value = (name) => settings.match(new RegExp(`^${name} = "?([^"\n]+)"?`, 'm'))[1];

// A call uses its configuration up.
function config() {
  const made = stylua.Config.new();
  made.column_width = Number(value('column_width'));
  made.indent_type = stylua.IndentType[value('indent_type')];
  made.indent_width = Number(value('indent_width'));
  made.quote_style = stylua.QuoteStyle[value('quote_style')];
  return made;
}

for (const file of check ? rest.slice(1) : rest) {
  const text = readFileSync(file, 'utf8');
  const formatted = stylua.formatCode(text, config(), undefined, stylua.OutputVerification.Full);
  if (formatted !== text && check) {
    console.error(`${file} is not formatted`);
    process.exitCode = 1;
  } else if (formatted !== text) {
    writeFileSync(file, formatted);
  }
}
