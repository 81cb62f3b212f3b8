import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Reads a command's arguments; says what was wrong with them, shows the help and ends with 2 when they cannot be read. */
export function readArguments<const Config extends ParseArgsConfig>(
  help: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (error) {
    process.stderr.write(`${argumentFault(error)}\n\n${help}`)
    process.exit(2)
  }
}

/** What `parseArgs` found wrong, as one sentence. Node goes on with advice that is not for commands started by npm. */
export function argumentFault(error: unknown): string {
  const [sentence = ''] = error instanceof Error ? error.message.split(/\. |\n/) : []
  return `${sentence.replace(/\.$/, '') || 'The arguments cannot be read'}.`
}
