import { basename } from 'node:path'
import { err, ok, type Result } from '../../base/result.ts'

/**
 * Which image means which local program. There is no registry in the sandbox. Everything runs on Node.js, sidecars as well, which real pods
 * run on Bun: the pods' network is made of Node.js (network/pod-network.ts).
 */

export interface Images {
  /** The Node.js that runs everything. */
  readonly node: string
  /** Files of the programs that the sandbox has. */
  readonly programs: Readonly<Record<'kinglet' | 'podinfo' | 'loadClient', string>>
}

export interface ContainerCommand {
  readonly image: string
  /** The container's command and args, variables expanded; empty where absent. */
  readonly command: readonly string[]
  readonly args: readonly string[]
}

export interface LocalCommand {
  readonly argv: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
}

/** What the container runs here; the error says which images there are. */
export function resolveImage(images: Images, { image, command, args }: ContainerCommand): Result<LocalCommand> {
  const { name, tag } = parseImage(image)
  const [first, ...rest] = command
  const run = (file: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): Result<LocalCommand> =>
    ok({ argv: [images.node, file, ...words], env })
  const own = images.programs
  if (isNode(first)) return ok({ argv: [images.node, ...rest.map((word) => programOf(word, own.kinglet)), ...args], env: {} })
  switch (name) {
    case 'kinglet':
      return run(own.kinglet, ['kinglet', 'kinglet-proxy'].some((program) => isProgram(first, program)) ? [...rest, ...args] : [...command, ...args])
    case 'podinfo':
      if (isProgram(first, 'podcli')) return run(own.podinfo, ['podcli', ...rest, ...args])
      return run(own.podinfo, isProgram(first, 'podinfo') ? [...rest, ...args] : [...command, ...args], { KINGLET_SANDBOX_IMAGE_TAG: tag })
    case 'kinglet-e2e-client':
      return run(own.loadClient, [...command, ...args])
    default:
      return err(
        `the sandbox has no registry and does not know "${image}"; it has kinglet:*, podinfo:* (an imitation of its interface), kinglet-e2e-client:*, and any image whose command begins with "node"`,
      )
  }
}

/** `ghcr.io/stefanprodan/podinfo:6.9.2@sha256:…` → podinfo, 6.9.2. Without a tag: latest. */
export function parseImage(image: string): { readonly name: string; readonly tag: string } {
  const last = image.split('@')[0]?.split('/').at(-1) ?? ''
  const [name = '', tag = 'latest'] = last.split(':')
  return { name, tag }
}

const isNode = (word: string | undefined): boolean => isProgram(word, 'node')
const isProgram = (word: string | undefined, program: string): boolean => word !== undefined && basename(word) === program
/** In the image the program lies elsewhere. */
const programOf = (word: string, kinglet: string): string => (word.endsWith('/kinglet.js') ? kinglet : word)
