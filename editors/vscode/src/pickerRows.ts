/** What a picker asks, and its answers as rows. */
import * as vscode from 'vscode';
import type { Hit } from './protocol';
import { glimpse, icon, nameOf, placeOf, plain } from './rows';

/** What a picker, the view and the clipboard show. */
export interface Answer {
  hits: Hit[];
  /** What is left to say. */
  notes: string[];
  /** How far the index is, if it is incomplete. */
  progress: string | undefined;
}

/** Something that can be asked, and asked again. */
export interface Question {
  title: string;
  /** What the picker begins with; also what is asked where nothing can be typed. */
  query: string;
  /** What is shown in the empty box. Without it, the question is asked once and typing filters its answers. */
  prompt?: string;
  ask(query: string, token: vscode.CancellationToken): Promise<Answer>;
}

/** A question with its last answer. */
export interface Asked {
  question: Question;
  query: string;
  answer: Answer;
}

export interface Row extends vscode.QuickPickItem {
  hit?: Hit;
  /** What Enter does on a row that is no hit. */
  act?: () => unknown;
}

const BESIDE: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('split-horizontal'),
  tooltip: vscode.l10n.t('Open to the Side (Ctrl+Enter)'),
};
export const PIN: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('pin'),
  tooltip: vscode.l10n.t('Pin Results to the View (Alt+Enter)'),
};

/** Return a row for each hit, and rows for what else there is to say. */
export function answerRows({ query, answer: { hits, notes, progress } }: Asked): Row[] {
  const rows: Row[] = hits.map((hit) => hitRow(hit, query));
  if (hits.length === 0) {
    const asked = plain(query);
    const label = progress
      ? vscode.l10n.t('Nothing found yet for "{0}"', asked)
      : vscode.l10n.t('Nothing found for "{0}"', asked);
    rows.push({ label, iconPath: new vscode.ThemeIcon('info') });
  }
  // Hits come first, so that they stay in place when something else comes or goes.
  rows.push(...notes.map((note) => ({ label: plain(note), iconPath: new vscode.ThemeIcon('info') })));
  if (progress) {
    const act = (): unknown => vscode.commands.executeCommand('conexus.status');
    rows.push({ label: progress, iconPath: new vscode.ThemeIcon('sync'), act });
  }
  return rows;
}

function hitRow(hit: Hit, query: string): Row {
  const detail = glimpse(hit, query).text;
  return {
    label: plain(nameOf(hit)),
    description: plain(`${hit.kind}  ${placeOf(hit)}`),
    ...(detail ? { detail: plain(detail.slice(0, 200)) } : {}),
    iconPath: icon(hit.kind),
    buttons: [BESIDE, PIN],
    hit,
  };
}

/** Return what an empty box shows: how to ask, and what was asked before. */
export function historyRows(questions: readonly string[], ask: (question: string) => void): Row[] {
  const hint = vscode.l10n.t('Ask in words, by name, or in code. Filters: path: -path: lang: kind:');
  const asked = questions.map((question) => ({
    label: plain(question),
    iconPath: new vscode.ThemeIcon('history'),
    act: (): void => { ask(question); },
  }));
  return [{ label: hint, iconPath: new vscode.ThemeIcon('lightbulb') }, ...asked];
}

/** Return what went wrong, and what can be done about it. */
export function problemRows(message: string, run: (command: string) => unknown): Row[] {
  const ways = [
    [vscode.l10n.t('Install the server…'), 'conexus.install'],
    [vscode.l10n.t('Show the logs'), 'conexus.logs'],
  ] as const;
  return [
    { label: plain(message), iconPath: new vscode.ThemeIcon('error') },
    ...ways.map(([label, command]) => ({
      label,
      iconPath: new vscode.ThemeIcon('arrow-right'),
      act: (): unknown => run(command),
    })),
  ];
}

/** Return whether two rows show the same place in the same words. */
export function sameRow(one: Row, other: Row): boolean {
  const place = (row: Row): unknown[] => [row.hit?.uri, row.hit?.range, row.label, row.description, row.detail];
  return JSON.stringify(place(one)) === JSON.stringify(place(other));
}

export function sameRows(rows: readonly Row[], others: readonly Row[]): boolean {
  return rows.length === others.length && rows.every((row, number) => sameRow(row, others[number] ?? row));
}
