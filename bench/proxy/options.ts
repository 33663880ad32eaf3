import { parseArgs } from 'node:util'

export const help = `npm run bench:proxy -- [options]

Measures Kinglet's sidecar beside other proxies, one process each on core 0, client and upstream on core 1, in interleaved rounds.

  --quick            fewer and shorter rounds: a look, not a figure to quote
  --only LIST        names of proxies and workloads, with commas: kinglet,envoy,get,10k (default: all)
  --against FILE     another build's kinglet-proxy (or kinglet.js, on Node.js), measured as "other" in the same run
  --rounds N         rounds of each measurement; the median counts (default 5)
  --seconds N        length of one measurement (default 2)
  --warm SECONDS     load for each proxy before the first round of each workload (default 4, quick 1)
  --json FILE        write the results as JSON
  --soak SECONDS     instead: the sidecar alone under load for so long (at most 3600), its memory every ten seconds
  --disturbance      instead: by how much reports and scrapes move the sidecar's 99.9th percentile (--rounds, --seconds; default 5 of 60)
  --scrape-every N   of --disturbance: seconds between two scrapes, the first after half of that (default 15)
  --connections N    instead: the sidecar's memory with N connections (at most 20000)
  --help             this text

Workloads: get 10k post chunked 1m idle connect grpc. Proxies: direct kinglet envoy haproxy nginx http-proxy.
bench/peers.sh installs the other proxies. What is missing is named, and the rest measured. See bench/README.md.`

export interface Options {
  readonly only: readonly string[]
  readonly against: string | undefined
  readonly rounds: number
  readonly starts: number
  readonly seconds: number
  readonly warmSeconds: number
  readonly json: string | undefined
  readonly soakSeconds: number | undefined
  readonly connections: number | undefined
  readonly disturbance: boolean
  readonly scrapeEverySeconds: number
}

/** Reads the command line; undefined where help was asked for. Throws on what it does not know. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      only: { type: 'string' },
      against: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      warm: { type: 'string' },
      json: { type: 'string' },
      soak: { type: 'string' },
      connections: { type: 'string' },
      disturbance: { type: 'boolean' },
      'scrape-every': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return undefined
  const quick = values.quick === true
  return {
    only: values.only?.split(',') ?? [],
    against: values.against,
    rounds: number('--rounds', values.rounds, 1, 50) ?? (quick ? 2 : 5),
    starts: quick ? 2 : 5,
    seconds: number('--seconds', values.seconds, 0.2, 60) ?? (values.disturbance === true ? 60 : quick ? 1 : 2),
    warmSeconds: number('--warm', values.warm, 0, 60) ?? (quick ? 1 : 4),
    json: values.json,
    soakSeconds: number('--soak', values.soak, 1, 3600),
    connections: number('--connections', values.connections, 1, 20_000),
    disturbance: values.disturbance === true,
    scrapeEverySeconds: number('--scrape-every', values['scrape-every'], 0.1, 60) ?? 15,
  }
}

function number(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value >= least && value <= most)) throw new Error(`${flag} must be a number from ${least} to ${most}, not ${text}`)
  return value
}
