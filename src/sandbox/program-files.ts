import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Images } from './images/images.ts'

/** The files that the sandbox starts processes from. */
export interface ProgramFiles {
  readonly images: Images
  /** URL of the module that each process of a pod loads first. */
  readonly preload: string
  /** Kinglet's own manifest. */
  readonly installManifest: string
}

/**
 * Finds them for a caller at the URL `here`: in `dist/` of the bundle, or in `src/`. From the source tree the bundle is used when it is
 * newer than every source, for its processes start twice as fast; else the source, for it is what the person means.
 */
export function findProgramFiles(here: string = import.meta.url): ProgramFiles {
  const isBundle = !here.endsWith('.ts')
  const root = fileURLToPath(new URL(isBundle ? '..' : '../..', here))
  const usesBundle = isBundle || isBundleFresh(root)
  const at = (bundled: string, source: string): string => join(root, usesBundle ? `dist/${bundled}` : `src/${source}`)
  return {
    images: {
      node: process.execPath,
      programs: {
        kinglet: at('kinglet.js', 'bin/kinglet.ts'),
        podinfo: at('podinfo.js', 'sandbox/images/podinfo.ts'),
        loadClient: join(root, 'test/e2e/client/load.ts'),
      },
    },
    preload: pathToFileURL(at('pod-network.js', 'sandbox/network/pod-network.ts')).href,
    installManifest: join(root, 'manifests/install.yaml'),
  }
}

function isBundleFresh(root: string): boolean {
  const bundles = ['kinglet.js', 'podinfo.js', 'pod-network.js'].map((file) => join(root, 'dist', file))
  if (!bundles.every((file) => existsSync(file))) return false
  const built = Math.min(...bundles.map((file) => statSync(file).mtimeMs))
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return sources.every((file) => (statSync(join(root, 'src', file), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= built)
}
