// SPDX-License-Identifier: Apache-2.0
import type { Target } from './support/target.ts';
import { derTargets } from './targets/der.ts';
import { entryTargets } from './targets/entries.ts';
import { frameTargets } from './targets/frames.ts';
import { jsonTargets } from './targets/json.ts';
import { settingTargets } from './targets/settings.ts';
import { textTargets } from './targets/text.ts';

/** Every parser that reads what others wrote. */
export const TARGETS: readonly Target[] = [
  ...derTargets,
  ...frameTargets,
  ...jsonTargets,
  ...textTargets,
  ...entryTargets,
  ...settingTargets,
];
