// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/fault/kill.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    // The seed must be seen even when everything passes.
    disableConsoleIntercept: true,
  },
});
