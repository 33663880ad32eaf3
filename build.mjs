/**
 * `npm run build [-- PLATFORM]`: src/ becomes dist/, one program in chunks, so that each command loads its own code only, and the sidecar as
 * an executable for this platform or another one, such as linux-arm64.
 */
import { execFile } from 'node:child_process'
import { readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

/**
 * A built-in module as `require` gives it. An ESM import of one evaluates every getter that the module exports, used or not: with
 * `node:http` that loads Node's own fetch and WebSocket, 14 MiB of memory.
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
  // Names stay, for stack traces.
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
// One file, without what the other commands share: for the executable, and for "kinglet proxy" on Node.js.
const sidecar = await build({ ...common, entryPoints: ['src/bin/sidecar.ts'], banner, plugins: [leanBuiltins] })
const executable = await compileSidecar('dist/sidecar.js', 'dist/kinglet-proxy', process.argv[2])

// Chunks of an older build go last: a sandbox that runs from here may still load what has not changed.
const built = new Set([executable, ...[chooser, commands, sidecar].flatMap(({ metafile }) => Object.keys(metafile.outputs))])
for (const name of await readdir('dist')) if (!built.has(join('dist', name))) await rm(join('dist', name), { recursive: true })

/**
 * `source` and Bun in one file, compiled to bytecode beforehand. It obeys its command line and environment alone: no .env or bunfig.toml that
 * happens to lie where it starts. Undefined where there is no Bun for this machine. For another `platform` Bun fetches itself from npm.
 */
async function compileSidecar(source, file, platform) {
  const bun = findBun()
  if (bun === undefined) {
    console.warn(`${file} is not built: Bun is not there for ${process.platform}-${process.arch} (npm ci installs it for Linux with glibc and for macOS). Images and benchmarks need it; the sandbox and "kinglet proxy" run on Node.js.`)
    return undefined
  }
  // Beside it, then moved: the one that is there may be running.
  const next = `${file}.${process.pid}`
  const options = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig', ...(platform === undefined ? [] : [`--target=bun-${platform}`])]
  await promisify(execFile)(bun, ['build', '--compile', '--bytecode', '--format=esm', ...options, `--outfile=${next}`, source])
  await rename(next, file)
  return file
}

/** The package has the executable in it and needs no install script. */
function findBun() {
  const cpu = { x64: 'x64', arm64: 'aarch64' }[process.arch]
  try {
    return createRequire(import.meta.url).resolve(`@oven/bun-${process.platform}-${cpu}/bin/bun`)
  } catch {
    return undefined
  }
}
