import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Reads a command's arguments; says what was wrong with them, shows the help and ends with 2 when they cannot be read. */
export function readArguments<const Config extends ParseArgsConfig>(
  help: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'unreadable arguments'}\n\n${help}`)
    process.exit(2)
  }
}
