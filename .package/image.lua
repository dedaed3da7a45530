--- image: writes an OCI image layout without an engine: lua5.4 image.lua FOLDER VERSION EPOCH
-- ARCH=ROOT.tar.gz... Each archive is the one layer of its platform. What is written depends on the
-- arguments alone. https://github.com/opencontainers/image-spec

local cjson = require "cjson"

local folder, version, epoch = arg[1], arg[2], math.tointeger(tonumber(arg[3]))

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read "a")
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- cjson orders keys by its hash table, which differs between runs.
local function encode(value)
  if type(value) ~= "table" then return cjson.encode(value) end
  local parts = {}
  if #value > 0 then
    for _, item in ipairs(value) do parts[#parts + 1] = encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key in pairs(value) do parts[#parts + 1] = key end
  table.sort(parts)
  for index, key in ipairs(parts) do
    parts[index] = cjson.encode(key) .. ":" .. encode(value[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

local function digest(path) return "sha256:" .. capture("sha256sum " .. quote(path)):sub(1, 64) end

--- Moves a file to the path of its digest; => its descriptor.
local function add(path, kind)
  local name = digest(path)
  local size = math.tointeger(tonumber((capture("stat -c %s " .. quote(path)))))
  assert(os.rename(path, folder .. "/blobs/sha256/" .. name:sub(8)))
  return { digest = name, size = size, mediaType = "application/vnd.oci.image." .. kind }
end

local function add_text(text, kind)
  write(folder .. "/part", text)
  return add(folder .. "/part", kind)
end

local labels = {
  ["org.opencontainers.image.title"] = "watchbot",
  ["org.opencontainers.image.description"] = "Lua-scriptable queue watcher",
  ["org.opencontainers.image.licenses"] = "MIT",
  ["org.opencontainers.image.version"] = version,
}

local function config(arch, archive)
  local plain = "sha256:" .. capture(("gzip -dc %s | sha256sum"):format(quote(archive))):sub(1, 64)
  local created = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch)
  return {
    architecture = arch, os = "linux", created = created,
    config = {
      -- No entry point: templates and health checks say `watchbot run`, as for any other image.
      User = "65532:65532", WorkingDir = "/home/watchbot", Cmd = { "watchbot", "--help" },
      Env = { "PATH=/usr/local/bin:/usr/bin:/bin" }, Labels = labels,
    },
    rootfs = { type = "layers", diff_ids = { plain } },
    history = { { created = created, created_by = "make image" } },
  }
end

local function platform(arch, archive)
  local described = add_text(encode(config(arch, archive)), "config.v1+json")
  assert(os.execute(("cp %s %s/part"):format(quote(archive), quote(folder))))
  local layer = add(folder .. "/part", "layer.v1.tar+gzip")
  local manifest = add_text(encode {
    schemaVersion = 2, mediaType = "application/vnd.oci.image.manifest.v1+json",
    config = described, layers = { layer }, annotations = labels,
  }, "manifest.v1+json")
  manifest.platform = { architecture = arch, os = "linux" }
  return manifest
end

os.execute(("rm -rf %s && mkdir -p %s/blobs/sha256"):format(quote(folder), quote(folder)))
local manifests = {}
for index = 4, #arg do
  local arch, archive = arg[index]:match "^(%w+)=(.+)$"
  manifests[#manifests + 1] = platform(arch, archive)
end
local index = add_text(encode {
  schemaVersion = 2, mediaType = "application/vnd.oci.image.index.v1+json", manifests = manifests,
}, "index.v1+json")
index.annotations = { ["org.opencontainers.image.ref.name"] = version }
write(folder .. "/index.json", encode { schemaVersion = 2, manifests = { index } })
write(folder .. "/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
