import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Images } from './images/images.ts'

/** The files that the sandbox starts processes from. They lie elsewhere in the bundle than in the source tree. */
export interface ProgramFiles {
  readonly images: Images
  /** URL of the module that each process of a pod loads first. */
  readonly preload: string
  /** Kinglet's own manifest. */
  readonly installManifest: string
}

/** `here` is the URL of the calling module: in `dist/` of the bundle, or in `src/sandbox/`. */
export function findProgramFiles(here: string = import.meta.url): ProgramFiles {
  const isBundle = !here.endsWith('.ts')
  const root = fileURLToPath(new URL(isBundle ? '..' : '../..', here))
  const at = (bundled: string, source: string): string => join(root, ...(isBundle ? ['dist', bundled] : ['src', source]))
  return {
    images: {
      node: process.execPath,
      programs: {
        kinglet: isBundle ? at('kinglet.js', '') : kingletProgram(root),
        podinfo: at('podinfo.js', 'sandbox/images/podinfo.ts'),
        loadClient: join(root, 'test/e2e/client/load.ts'),
      },
    },
    preload: pathToFileURL(at('pod-network.js', 'sandbox/network/pod-network.ts')).href,
    installManifest: join(root, 'manifests/install.yaml'),
  }
}

/** From the source tree: the bundle when it is newer than every source, for it starts twice as fast; else the source, for it is what the person means. */
function kingletProgram(root: string): string {
  const bundle = join(root, 'dist/kinglet.js')
  const source = join(root, 'src/bin/kinglet.ts')
  if (!existsSync(bundle)) return source
  const built = statSync(bundle).mtimeMs
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return sources.every((file) => statSync(join(root, 'src', file)).mtimeMs <= built) ? bundle : source
}
