#!/usr/bin/env node
/**
 * Which of the two programs is meant. Pods run the sidecar as an executable of its own, with Bun in it (dist/kinglet-proxy); on Node.js, as
 * in the sandbox, its code is a file of its own as well, and this one decides before anything else is read.
 */
if (process.argv[2] === 'proxy') await import('./sidecar.ts')
else await import('./program.ts')
