// What kind of machine this is, as far as it decides how a graphics driver gets onto it.

import { environmentVariable } from "../cache_folder.ts";

/** What /etc/os-release tells. */
export interface OsRelease {
  /** The distribution in lower case, such as `debian`. */
  readonly id: string;
  /** The distributions it descends from. */
  readonly idLike: readonly string[];
  /** The release's code name, such as `bookworm`; empty where there is none. */
  readonly codename: string;
  /** Its name for people. */
  readonly prettyName: string;
}

/** The machine, as far as it could be found out. */
export interface System {
  readonly os: string;
  /** Undefined elsewhere than on Linux, or without permission to read /etc/os-release. */
  readonly release?: OsRelease;
  /** Whether this is Linux inside Windows. */
  readonly wsl: boolean;
  /** The version of the Debian package mesa-vulkan-drivers, where it is installed and dpkg could be asked. */
  readonly mesaVersion?: string;
}

/** Returns the fields of an os-release file that matter here. */
export function parseOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>();
  for (const [, name = "", quoted, bare = ""] of text.matchAll(/^([A-Z_0-9]+)=(?:(["'].*["'])|(.*))\s*$/gm)) {
    fields.set(name, (quoted?.slice(1, -1) ?? bare).replace(/\\(["$`\\])/g, "$1"));
  }
  const id = fields.get("ID")?.toLowerCase() ?? "linux";
  return {
    id,
    idLike: (fields.get("ID_LIKE") ?? "").toLowerCase().split(/\s+/).filter((word) => word !== ""),
    codename: fields.get("VERSION_CODENAME") ?? "",
    prettyName: fields.get("PRETTY_NAME") ?? fields.get("NAME") ?? id,
  };
}

/** Returns the version of an installed package from the text of dpkg's status file. */
export function installedVersion(status: string, packageName: string): string | undefined {
  const stanza = status.split(/\n\n/).find((text) =>
    text.startsWith(`Package: ${packageName}\n`) && /^Status: .* installed$/m.test(text)
  );
  return stanza && /^Version: (.*)$/m.exec(stanza)?.[1];
}

/** Tells whether the machine installs its packages with apt. */
export function isDebianLike({ release }: System): boolean {
  return release !== undefined &&
    [release.id, ...release.idLike].some((id) => id === "debian" || id === "ubuntu");
}

/**
 * Returns what can be found out about this machine.
 *
 * @param options `ask`: whether to read files for which permission was not granted yet, so that Deno asks for it.
 */
export function detectSystem({ ask }: { readonly ask: boolean } = { ask: false }): System {
  const { os } = Deno.build;
  if (os !== "linux") return { os, wsl: false };
  const release = readIfAllowed("/etc/os-release", { ask }) ?? readIfAllowed("/usr/lib/os-release", { ask });
  const status = readIfAllowed("/var/lib/dpkg/status", { ask });
  const mesaVersion = status && installedVersion(status, "mesa-vulkan-drivers");
  return {
    os,
    wsl: environmentVariable("WSL_DISTRO_NAME") !== undefined || exists("/usr/lib/wsl", { ask }),
    ...(release !== undefined && { release: parseOsRelease(release) }),
    ...(mesaVersion && { mesaVersion }),
  };
}

/** Returns a file's text; undefined when it does not exist or, without `ask`, when permission is missing. */
export function readIfAllowed(path: string, { ask }: { readonly ask: boolean }): string | undefined {
  if (!ask && !mayRead(path)) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || !ask) return undefined;
    throw error;
  }
}

/** Tells whether a file or folder exists; false, without `ask`, when permission is missing. */
export function exists(path: string, { ask }: { readonly ask: boolean }): boolean {
  if (!ask && !mayRead(path)) return false;
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || !ask) return false;
    throw error;
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Returns what a person has to do so that the machine gets an adapter. */
export function remedyFor(system: System): string {
  if (system.os === "darwin") {
    return "Metal is part of macOS, so this is probably a virtual machine: give it a graphics device, or run on " +
      "the Mac itself.";
  }
  if (system.os === "windows") {
    return "Install the driver of the graphics card from its maker, and the pending Windows updates; on a virtual " +
      "machine, give it a graphics device.";
  }
  const install = `install Mesa's software driver: ${installCommand(system)}`;
  if (system.wsl) {
    return "Inside WSL the graphics card is out of reach: run Deno on Windows itself, which uses it through " +
      `Direct3D 12, or ${install}.`;
  }
  return `Install the Vulkan driver of the graphics card; where there is none, ${install}.`;
}

function installCommand({ release }: System): string {
  const commands: readonly (readonly [readonly string[], string])[] = [
    [["debian", "ubuntu"], "sudo apt-get install mesa-vulkan-drivers libvulkan1"],
    [["fedora", "rhel", "centos"], "sudo dnf install mesa-vulkan-drivers vulkan-loader"],
    [["arch"], "sudo pacman -S vulkan-swrast vulkan-icd-loader"],
    [["alpine"], "apk add mesa-vulkan-swrast vulkan-loader"],
    [["suse", "opensuse"], "sudo zypper install libvulkan_lvp libvulkan1"],
  ];
  const ids = release === undefined ? [] : [release.id, ...release.idLike];
  const known = commands.find(([names]) => names.some((name) => ids.includes(name)));
  return known === undefined
    ? "the Vulkan drivers of Mesa (lavapipe) and the Vulkan loader"
    : `\`${known[1]}\``;
}
