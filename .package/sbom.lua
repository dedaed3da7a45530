--- sbom: what is in the static program, as SPDX 2.3: lua5.4 sbom.lua VERSION ARCH EPOCH FOLDER,
-- where FOLDER/packages lists the packages of Debian (.package/sysroot), FOLDER/compiler those of
-- the C library and the compiler's, and FOLDER/source has curl's.

local cjson = require "cjson"

local version, arch, epoch, folder = arg[1], arg[2], math.tointeger(tonumber(arg[3])), arg[4]

local LICENSES = {
  openssl = "Apache-2.0", sqlite3 = "blessing", expat = "MIT", ["c-ares"] = "MIT",
  glibc = "LGPL-2.1-or-later", libgcc = "GPL-3.0-or-later WITH GCC-exception-3.1",
  ["lua5.4"] = "MIT", ["lua-cjson"] = "MIT", ["lua-expat"] = "MIT",
  ["lua-luassert"] = "MIT", ["lua-say"] = "MIT", curl = "curl",
  ["ca-certificates"] = "MPL-2.0",
}

local packages, relations = {}, {}

local function add(name, release, license, purl)
  local id = "SPDXRef-" .. name:gsub("[^%w.-]", "-")
  packages[#packages + 1] = {
    SPDXID = id, name = name, versionInfo = release, licenseDeclared = license,
    licenseConcluded = license, copyrightText = "NOASSERTION", downloadLocation = "NOASSERTION",
    filesAnalyzed = false, externalRefs = purl and { {
      referenceCategory = "PACKAGE-MANAGER", referenceType = "purl", referenceLocator = purl,
    } } or nil,
  }
  return id
end

local own = add("watchbot", version, "MIT")
relations[1] = { spdxElementId = "SPDXRef-DOCUMENT", relationshipType = "DESCRIBES",
  relatedSpdxElement = own }

local function add_debian(name, release, package)
  package = package or ("%s@%s?arch=source"):format(name, release)
  local id = add(name, release, LICENSES[name] or "NOASSERTION",
    "pkg:deb/debian/" .. package:gsub("+", "%%2B"))
  relations[#relations + 1] = { spdxElementId = own, relationshipType = "CONTAINS",
    relatedSpdxElement = id }
end

for line in io.lines(folder .. "/packages") do
  add_debian(line:match "^%S+ %S+ (%S+) (%S+)$")
end
assert(#packages > 5, "the list of packages is not complete: " .. folder .. "/packages")
for line in io.lines(folder .. "/compiler") do add_debian(line:match "^(%S+) (%S+) (%S+)$") end
local list <close> = assert(io.popen(("ls -t %s/source/curl_*.dsc"):format(folder)))
add_debian("curl", (list:read "l":match "curl_(.*)%.dsc$"))

-- The order of keys in Lua's tables would differ between runs.
local function encode(value)
  if type(value) ~= "table" then return (cjson.encode(value):gsub("\\/", "/")) end
  local parts, keys = {}, {}
  for _, item in ipairs(value) do parts[#parts + 1] = encode(item) end
  if #value > 0 then return "[" .. table.concat(parts, ", ") .. "]" end
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do parts[#parts + 1] = encode(key) .. ": " .. encode(value[key]) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

print(encode {
  spdxVersion = "SPDX-2.3", dataLicense = "CC0-1.0", SPDXID = "SPDXRef-DOCUMENT",
  name = ("watchbot-%s-linux-%s"):format(version, arch),
  documentNamespace = ("urn:watchbot:spdx:%s:linux:%s"):format(version, arch),
  creationInfo = { created = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch),
    creators = { "Tool: watchbot-" .. version } },
  packages = packages, relationships = relations,
})
