// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    exclude: ['test/interop/.cache/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Each file runs a stack of its own.
    maxWorkers: 2,
  },
});
