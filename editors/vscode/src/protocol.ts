/** What docs/protocol.md says, as types: the part of it that is shown here. */

/** In UTF-16 units, as VS Code counts. */
export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Completeness {
  complete: boolean;
  pending: number;
  percent: number;
  phase: Phase;
}

export type Phase = 'ready' | 'scanning' | 'indexing' | 'paused' | 'failed';

export interface Hit {
  uri: string;
  range: Range;
  /** The line in the range to go to. */
  focus: Range;
  folder: string;
  path: string;
  excerpt: string;
  symbol: string;
  kind: string;
  language: string;
  score: number;
  reasons: string[];
  version: number | null;
}

export interface SearchResult {
  hits: Hit[];
  completeness: Completeness;
  notes: string[];
  milliseconds: number;
}

export interface SymbolInfo {
  name: string;
  kind: string;
  container: string;
  uri: string;
  range: Range;
  focus: Range;
  folder: string;
  score: number;
  version: number | null;
}

export interface SymbolsResult {
  symbols: SymbolInfo[];
  completeness: Completeness;
}

export interface FolderStatus {
  folder: string;
  phase: Phase;
  files: number;
  chunks: number;
  symbols: number;
  pending: number;
  percent: number;
  revision: number;
  languages: Record<string, number>;
  languageChunks?: Record<string, number>;
  skipped: Record<string, number>;
  problems: string[];
  model: string;
  bytes: Record<string, number>;
  buffers: number;
  watching: string;
  directory: string;
}

export interface Latency {
  count: number;
  p50: number;
  p95: number;
}

export interface StatusResult {
  version: string;
  pid: number;
  memory: number;
  seconds: number;
  fronts: number;
  folders: FolderStatus[];
  latencies: Record<string, Latency>;
  recent?: Record<string, number[]>;
}

export interface SearchParams {
  query: string;
  limit?: number;
  folders?: string[];
  paths?: string[];
  languages?: string[];
  kinds?: string[];
  /** What is at hand; the server knows of open documents itself. */
  context?: { active: string };
}

export interface SimilarParams {
  text?: string;
  textDocument?: { uri: string };
  range?: Range;
  limit?: number;
}

export interface ContextParams {
  query: string;
  textDocument?: { uri: string };
  position?: Position;
}

export interface RelatedParams {
  textDocument: { uri: string };
  position?: Position;
  limit?: number;
}

export interface SymbolsParams {
  query: string;
  limit?: number;
  semantic?: boolean;
}

/** The requests that are sent: method → [parameters, result]. */
export interface Requests {
  'conexus/search': [SearchParams, SearchResult];
  'conexus/similar': [SimilarParams, SearchResult];
  'conexus/context': [ContextParams, { text: string }];
  'conexus/related': [RelatedParams, SearchResult];
  'conexus/symbols': [SymbolsParams, SymbolsResult];
  'conexus/status': [{ folder?: string }, StatusResult];
  'conexus/reindex': [{ folder?: string; fresh?: boolean }, unknown];
  'conexus/pause': [{ folder?: string }, unknown];
  'conexus/resume': [{ folder?: string }, unknown];
  'conexus/waitForRevision': [{ complete?: boolean; timeoutMs?: number }, { timedOut: boolean }];
}

export type Method = keyof Requests;
