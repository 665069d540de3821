// SPDX-License-Identifier: Apache-2.0
// What scripts/conformance runs.
import { runConformance } from './conformance.ts';

process.exitCode = await runConformance(process.argv);
