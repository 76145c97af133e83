import { parseAptSources, sourceBeside } from "../../lib/cli/apt_sources.ts";
import { hasSlowMesa, install, planInstallation, type Step } from "../../lib/cli/mesa.ts";
import {
  installedVersion,
  isDebianLike,
  parseOsRelease,
  remedyFor,
  type System,
} from "../../lib/cli/system.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";

const BOOKWORM = parseOsRelease(`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`);

const DEB822 = `Types: deb deb-src
# where it all comes from
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/archive.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm-backports
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`;

const system = (id: string, idLike: string[] = [], codename = ""): System => ({
  os: "linux",
  wsl: false,
  release: { id, idLike, codename, prettyName: id },
});
const DEBIAN_12: System = { os: "linux", wsl: false, release: BOOKWORM };

function commands(steps: readonly Step[]): string[] {
  return steps.map(({ command }) => command.join(" ").replace("-o DPkg::Lock::Timeout=120 ", ""));
}

Deno.test("parseOsRelease() reads quoted and bare values", () => {
  assertEquals(BOOKWORM, {
    id: "debian",
    idLike: [],
    codename: "bookworm",
    prettyName: "Debian GNU/Linux 12 (bookworm)",
  });
  const mint = parseOsRelease(`ID='linuxmint'\nID_LIKE="ubuntu debian"\nNAME="A \\"B\\""\n`);
  assertEquals(mint, { id: "linuxmint", idLike: ["ubuntu", "debian"], codename: "", prettyName: 'A "B"' });
  assertEquals(parseOsRelease("").id, "linux");
});

Deno.test("isDebianLike() follows ID and ID_LIKE", () => {
  assertEquals(isDebianLike(system("debian")), true);
  assertEquals(isDebianLike(system("linuxmint", ["ubuntu", "debian"])), true);
  assertEquals(isDebianLike(system("fedora")), false);
  assertEquals(isDebianLike({ os: "darwin", wsl: false }), false);
});

Deno.test("installedVersion() passes over packages that are removed or only alike by name", () => {
  const status = `Package: mesa-vulkan-drivers-extra
Status: install ok installed
Version: 1

Package: mesa-vulkan-drivers
Status: install ok installed
Architecture: amd64
Version: 22.3.6-1+deb12u1

Package: libvulkan1
Status: deinstall ok config-files
Version: 3
`;
  assertEquals(installedVersion(status, "mesa-vulkan-drivers"), "22.3.6-1+deb12u1");
  assertEquals(installedVersion(status, "libvulkan1"), undefined);
});

Deno.test("hasSlowMesa() holds for Debian 12's own Mesa only", () => {
  assertEquals(hasSlowMesa({ ...DEBIAN_12, mesaVersion: "22.3.6-1+deb12u1" }), true);
  assertEquals(hasSlowMesa({ ...DEBIAN_12, mesaVersion: "25.0.7-2~bpo12+1" }), false);
  assertEquals(hasSlowMesa(DEBIAN_12), false);
});

Deno.test("parseAptSources() reads deb822 stanzas, continued and disabled ones too", () => {
  assertEquals(parseAptSources("/etc/apt/sources.list.d/debian.sources", DEB822), [
    {
      uris: ["http://mirror.example/debian"],
      suites: ["bookworm", "bookworm-updates"],
      components: ["main", "contrib"],
      signedBy: "/usr/share/keyrings/archive.gpg",
    },
    { uris: ["http://mirror.example/security"], suites: ["bookworm-security"], components: ["main"] },
  ]);
});

Deno.test("parseAptSources() reads one-line entries", () => {
  const text = `# deb http://off.example/debian bookworm main
deb [ arch=amd64 signed-by=/keys/a.gpg ] http://mirror.example/debian bookworm main contrib # why not
deb-src http://mirror.example/debian bookworm main

deb	cdrom:[Debian_12]/ bookworm main
deb https://mirror.example/debian bookworm-updates main
`;
  assertEquals(parseAptSources("/etc/apt/sources.list", text), [
    {
      uris: ["http://mirror.example/debian"],
      suites: ["bookworm"],
      components: ["main", "contrib"],
      signedBy: "/keys/a.gpg",
    },
    { uris: ["cdrom:[Debian_12]/"], suites: ["bookworm"], components: ["main"] },
    { uris: ["https://mirror.example/debian"], suites: ["bookworm-updates"], components: ["main"] },
  ]);
});

Deno.test("sourceBeside() keeps a key that is written into the file, and reads back", () => {
  const key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc=\n -----END PGP PUBLIC KEY BLOCK-----";
  const stanza = `Types: deb\nURIs: http://a.example/ http://b.example/\nSuites: bookworm\n` +
    `Components: main\nSigned-By:\n ${key}\n`;
  const [source] = parseAptSources("a.sources", stanza);
  assertEquals(source?.signedBy, key);
  const added = sourceBeside([source!], "bookworm", "bookworm-backports");
  assertEquals(added, stanza.replace("Suites: bookworm", "Suites: bookworm-backports"));
});

Deno.test("sourceBeside() finds no mirror in an installation disc or in another suite", () => {
  const disc = parseAptSources("sources.list", "deb cdrom:[Debian_12]/ bookworm main");
  const other = parseAptSources("sources.list", "deb http://mirror.example/debian trixie main");
  assertEquals(sourceBeside([...disc, ...other], "bookworm", "bookworm-backports"), undefined);
});

Deno.test("planInstallation() takes the driver of Debian 12 from backports of the same mirror", () => {
  const [backports, plain] = planInstallation(DEBIAN_12, parseAptSources("debian.sources", DEB822), ["sudo"]);
  assertEquals(commands(backports?.steps ?? []), [
    "sudo tee /etc/apt/sources.list.d/attend-backports.sources",
    "sudo env DEBIAN_FRONTEND=noninteractive dpkg --configure -a",
    "sudo env DEBIAN_FRONTEND=noninteractive apt-get update",
    "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends " +
    "-t bookworm-backports mesa-vulkan-drivers libvulkan1",
  ]);
  assertEquals(
    backports?.steps[0]?.input,
    "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n" +
      "Signed-By: /usr/share/keyrings/archive.gpg\n",
  );
  assertEquals(commands(backports?.undo ?? []), [
    "sudo rm -f /etc/apt/sources.list.d/attend-backports.sources",
  ]);
  assertEquals(commands(plain?.steps ?? []), [
    "sudo env DEBIAN_FRONTEND=noninteractive dpkg --configure -a",
    "sudo env DEBIAN_FRONTEND=noninteractive apt-get update",
    "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends " +
    "mesa-vulkan-drivers libvulkan1",
  ]);
});

Deno.test("planInstallation() adds no source where backports are configured already", () => {
  const line = "deb http://mirror.example/debian bookworm-backports main";
  const [backports] = planInstallation(DEBIAN_12, parseAptSources("a.list", line), []);
  assertEquals(commands(backports?.steps ?? []).map((text) => text.split(" ")[3]), [
    "--configure",
    "update",
    "install",
  ]);
  assertEquals(backports?.undo, []);
});

Deno.test("planInstallation() installs the plain package on other systems", () => {
  const sources = parseAptSources("debian.sources", DEB822);
  for (const other of [system("ubuntu", ["debian"], "noble"), system("debian", [], "trixie")]) {
    assertEquals(planInstallation(other, sources, []).length, 1);
  }
  assertEquals(planInstallation(DEBIAN_12, [], []).length, 1);
});

Deno.test("install() takes the failed attempt back and tries the next one", async () => {
  const attempts = planInstallation(DEBIAN_12, parseAptSources("debian.sources", DEB822), []);
  const ran: string[] = [];
  const notices: string[] = [];
  const run = (step: Step) => {
    ran.push(commands([step])[0] ?? "");
    return Promise.resolve(step.command.includes("-t") ? 100 : 0);
  };
  await install(attempts, run, (text) => notices.push(text));
  assertEquals(ran.map((command) => command.replace(/^env \S+ /, "").split(" ").slice(0, 2).join(" ")), [
    "tee /etc/apt/sources.list.d/attend-backports.sources",
    "dpkg --configure",
    "apt-get update",
    "apt-get install",
    "rm -f",
    "dpkg --configure",
    "apt-get update",
    "apt-get install",
  ]);
  assertStringIncludes(notices.join("\n"), "That did not work");
});

Deno.test("install() names the command that failed when nothing works", async () => {
  const attempts = planInstallation(system("ubuntu"), [], []);
  await assertRejects(() => install(attempts, () => Promise.resolve(100), () => {}), Error, "--configure -a");
});

Deno.test("remedyFor() tells what to install on each system", () => {
  assertStringIncludes(remedyFor(system("fedora")), "dnf install mesa-vulkan-drivers");
  assertStringIncludes(remedyFor(system("manjaro", ["arch"])), "pacman -S vulkan-swrast");
  assertStringIncludes(remedyFor(system("alpine")), "apk add");
  assertStringIncludes(remedyFor(system("nixos")), "lavapipe");
  assertStringIncludes(remedyFor({ os: "darwin", wsl: false }), "macOS");
  assertStringIncludes(remedyFor({ os: "windows", wsl: false }), "Windows");
  assertStringIncludes(remedyFor({ ...system("ubuntu"), wsl: true }), "run Deno on Windows itself");
});
