#!/usr/bin/env node
/**
 * Which of the two programs is meant. The sidecar is in every pod and pays for whatever is loaded beside it: dist/ has its code in files of
 * its own, and this one decides before anything else is read.
 */
if (process.argv[2] === 'proxy') await import('./sidecar.ts')
else await import('./program.ts')
