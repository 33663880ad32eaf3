/**
 * `npm run build`: src/ becomes dist/, one program in chunks, so that each command loads its own code only.
 */
import { build } from 'esbuild'

/**
 * A built-in module as `require` gives it. An ESM import of one evaluates every getter that the module exports, used or not: with
 * `node:http` that loads Node's own fetch and WebSocket, 14 MiB of the sidecar's memory.
 */
const leanBuiltins = {
  name: 'lean-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) => (kind === 'import-statement' && path !== 'node:module' ? { path, namespace: 'builtin' } : undefined))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})` }))
  },
}

await build({
  entryPoints: {
    kinglet: 'src/bin/kinglet.ts',
    'pod-network': 'src/sandbox/network/pod-network.ts',
    podinfo: 'src/sandbox/images/podinfo.ts',
  },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  outdir: 'dist',
  legalComments: 'linked',
  // Comments would stay in the sidecar's memory, two bytes for each character where one of them is not Latin-1. Names stay, for stack traces.
  minifyWhitespace: true,
  logLevel: 'warning',
  // Libraries in CommonJS call `require` for built-in modules.
  banner: { js: "import { createRequire as kingletRequire } from 'node:module'; const require = kingletRequire(import.meta.url);" },
  plugins: [leanBuiltins],
})
