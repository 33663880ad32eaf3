/** podinfo's flags, as far as they change what its clients see. */
export interface PodinfoFlags {
  readonly host: string
  readonly port: number
  /** 0: none. */
  readonly grpcPort: number
  readonly level: string
  readonly isRandomError: boolean
  readonly isRandomDelay: boolean
  readonly delayMinMs: number
  readonly delayMaxMs: number
  readonly isUnready: boolean
  readonly isUnhealthy: boolean
  readonly message: string
  readonly color: string
  readonly logo: string
}

/** Reads `--flag=value`, `--flag value` and `--flag`; flags that it does not know are taken and ignored, as podinfo's other half. */
export function parsePodinfoFlags(args: readonly string[], env: Readonly<Record<string, string | undefined>>): PodinfoFlags {
  const given = new Map<string, string>()
  for (const [index, word] of args.entries()) {
    const named = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(word)
    if (named?.[1] === undefined) continue
    const next = args[index + 1]
    given.set(named[1], named[2] ?? (next === undefined || next.startsWith('-') ? 'true' : next))
  }
  // A flag wins over its variable: --ui-message over PODINFO_UI_MESSAGE.
  const value = (name: string): string | undefined => given.get(name) ?? env[`PODINFO_${name.replaceAll('-', '_').toUpperCase()}`]
  const isSet = (name: string): boolean => !['false', '0', undefined].includes(value(name))
  const unitMs = value('random-delay-unit') === 'ms' ? 1 : 1000
  return {
    host: value('host') ?? '0.0.0.0',
    port: Number(value('port') ?? 9898),
    grpcPort: Number(value('grpc-port') ?? 0),
    level: value('level') ?? 'info',
    isRandomError: isSet('random-error'),
    isRandomDelay: isSet('random-delay'),
    delayMinMs: Number(value('random-delay-min') ?? 0) * unitMs,
    delayMaxMs: Number(value('random-delay-max') ?? 5) * unitMs,
    isUnready: isSet('unready'),
    isUnhealthy: isSet('unhealthy'),
    message: value('ui-message') ?? '',
    color: value('ui-color') ?? '#34577c',
    logo: value('ui-logo') ?? 'https://raw.githubusercontent.com/stefanprodan/podinfo/gh-pages/cuddle_clap.gif',
  }
}
