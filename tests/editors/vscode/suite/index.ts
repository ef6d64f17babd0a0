/** What the extension host runs: every suite beside this file. Its promise is the exit code. */
import { appendFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import * as vscode from 'vscode';

export async function run(): Promise<void> {
  await foldersAreThere();
  // An editor on a busy machine now and then loses the focus, and with it what was open; what is wrong stays wrong.
  const mocha = new Mocha({ ui: 'tdd', reporter: 'spec', color: false, timeout: 90_000, slow: 5_000, retries: 1 });
  const report = path.join(process.env.HOME ?? '', 'report.txt');
  Mocha.reporters.Base.consoleLog = (...said: unknown[]): void => { appendFileSync(report, `${format(...said)}\n`); };
  if (process.env.SPEC_GREP) mocha.grep(process.env.SPEC_GREP);
  const suites = readdirSync(__dirname).filter((name) => name.endsWith('.test.js')).sort();
  for (const name of suites) mocha.addFile(path.join(__dirname, name));
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) => { failures ? reject(new Error(`${failures} tests failed`)) : resolve(); });
    // What was tried again passes, but not unseen.
    runner.on('retry', (test: Mocha.Test, error: Error) => {
      Mocha.reporters.Base.consoleLog(`    tried again: ${test.title}: ${error.message.split('\n')[0] ?? ''}`);
    });
  });
}

/** VS Code now and then comes up without the folders of its workspace file, and stays so. */
async function foldersAreThere(): Promise<void> {
  for (let tries = 0; !vscode.workspace.workspaceFolders?.length; tries++) {
    if (tries === 100) throw new Error('VS Code came up without the folders of its workspace');
    await new Promise((later) => setTimeout(later, 100));
  }
}
