/**
 * `npm run build`: src/ becomes dist/, one program in chunks, so that each command loads its own code only.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
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

/** The programs that kinglet.ts chooses from are builds of their own. */
const besideIt = {
  name: 'beside-it',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(program|sidecar)\.ts$/ }, ({ path }) => ({ path: path.replace(/ts$/, 'js'), external: true }))
  },
}

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  outdir: 'dist',
  metafile: true,
  legalComments: 'linked',
  logLevel: 'warning',
  // Comments would stay in the sidecar's memory, two bytes for each character where one of them is not Latin-1. Names stay, for stack traces.
  minifyWhitespace: true,
}
// Libraries in CommonJS call `require` for built-in modules.
const banner = { js: "import { createRequire as kingletRequire } from 'node:module'; const require = kingletRequire(import.meta.url);" }

const chooser = await build({ ...common, entryPoints: ['src/bin/kinglet.ts'], plugins: [besideIt] })
const commands = await build({
  ...common,
  entryPoints: {
    program: 'src/bin/program.ts',
    'pod-network': 'src/sandbox/network/pod-network.ts',
    podinfo: 'src/sandbox/images/podinfo.ts',
  },
  splitting: true,
  banner,
  plugins: [besideIt, leanBuiltins],
})
// One file: Node resolves each of many in so many steps that V8 compiles the resolver, which costs 6 MiB.
const sidecar = await build({ ...common, entryPoints: ['src/bin/sidecar.ts'], banner, plugins: [leanBuiltins] })

// Chunks of an older build go last: a sandbox that runs from here may still load what has not changed.
const built = new Set([chooser, commands, sidecar].flatMap(({ metafile }) => Object.keys(metafile.outputs)))
for (const name of await readdir('dist')) if (!built.has(join('dist', name))) await rm(join('dist', name), { recursive: true })
