import type { StatusResult } from '../protocol';

/** What the page is told. */
export interface PageState {
  phase: string;
  message: string;
  server: string;
  status: StatusResult | undefined;
  /** Milliseconds from question to answer as this window saw them, oldest first. */
  answers: number[];
  errors: { at: string; message: string }[];
}
