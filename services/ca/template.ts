// SPDX-License-Identifier: Apache-2.0
// The part of Go's text/template that CA configurations use: {{ .claim }}, {{ index . "claim" }},
// {{ if eq .claim "text" }} … {{ else }} … {{ end }}. Without braces a template is a claim's name.
// A claim that is not there is an error; nothing is escaped.
import { CodedError } from '../core/errors.ts';

export type Claims = ReadonlyMap<string, string>;
export type Template = (claims: Claims) => string;

const ACTION = /\{\{-?\s*(.*?)\s*-?\}\}/gs;
const FIELD = /^(?:\.([A-Za-z_]\w*)|index \. "([^"\\]+)")$/;
const CONDITION = /^if eq (?:\.([A-Za-z_]\w*)|\(index \. "([^"\\]+)"\)) "([^"\\]*)"$/;

function claim(claims: Claims, name: string): string {
  const value = claims.get(name);
  if (value === undefined)
    throw new CodedError('TOKEN_CLAIM', `the token has no claim ${name}`, { field: name });
  return value;
}

function invalid(text: string, why: string): CodedError {
  return new CodedError('CONFIG_INVALID', `template ${text}: ${why}`, { field: 'template' });
}

interface Frame {
  readonly parts: Template[];
  /** Set for an `if`: chooses its branch. */
  readonly test?: (claims: Claims) => boolean;
  otherwise?: Template[];
}

const join = (parts: readonly Template[]) => (claims: Claims) =>
  parts.map((part) => part(claims)).join('');

function close(frame: Frame): Template {
  const { test } = frame;
  const [yes, no] = [join(frame.parts), join(frame.otherwise ?? [])];
  return (claims) => (test?.(claims) ? yes(claims) : no(claims));
}

/** @throws CodedError CONFIG_INVALID for what this subset does not know */
export function compileTemplate(text: string): Template {
  if (!text.includes('{{')) return (claims) => claim(claims, text);
  const stack: Frame[] = [{ parts: [] }];
  const current = () => stack[stack.length - 1] as Frame;
  const emit = (part: Template) => (current().otherwise ?? current().parts).push(part);
  let at = 0;
  for (const match of text.matchAll(ACTION)) {
    const literal = text.slice(at, match.index);
    if (literal !== '') emit(() => literal);
    at = match.index + match[0].length;
    const action = match[1] ?? '';
    const field = FIELD.exec(action);
    const condition = CONDITION.exec(action);
    if (field !== null) {
      const name = field[1] ?? field[2] ?? '';
      emit((claims) => claim(claims, name));
    } else if (condition !== null) {
      const name = condition[1] ?? condition[2] ?? '';
      stack.push({ parts: [], test: (claims) => claim(claims, name) === condition[3] });
    } else if (action === 'else' && stack.length > 1 && current().otherwise === undefined) {
      current().otherwise = [];
    } else if (action === 'end' && stack.length > 1) {
      const frame = stack.pop() as Frame;
      emit(close(frame));
    } else {
      throw invalid(text, `{{ ${action} }} is not understood`);
    }
  }
  const rest = text.slice(at);
  if (rest.includes('{{') || stack.length !== 1) throw invalid(text, 'an action is not closed');
  if (rest !== '') emit(() => rest);
  return join(current().parts);
}
