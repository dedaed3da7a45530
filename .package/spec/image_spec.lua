-- The image is made without an engine: it is what the specification of OCI says, runs as another
-- user on a read-only root, and is the same bytes each time.

local cjson = require "cjson"
local shell = require "support.shell"

local MOST_BYTES = 4.5e6
local LAYOUT = "build/image"

local function blob(digest)
  local path = LAYOUT .. "/blobs/sha256/" .. digest:match "^sha256:(%x+)$"
  assert.are.equal(digest:sub(8), (shell.run("sha256sum " .. path):match "^%x+"))
  return path
end

local function document(digest) return cjson.decode(shell.read(blob(digest))) end

local function platforms()
  local index = cjson.decode(shell.read(LAYOUT .. "/index.json"))
  local found = {}
  for _, one in ipairs(document(index.manifests[1].digest).manifests) do
    found[one.platform.architecture] = document(one.digest)
  end
  return found
end

describe("the image", function()
  it("has a layer, a user and labels for each platform", function()
    for arch in (os.getenv "PLATFORMS" or "amd64 arm64"):gmatch "%S+" do
      local manifest = assert(platforms()[arch], arch)
      local config = document(manifest.config.digest)
      assert.are.equal("65532:65532", config.config.User)
      -- A template's command and health check begin with `watchbot`: an entry point doubled it.
      assert.is_nil(config.config.Entrypoint)
      assert.are.equal(require "watchbot.version",
        config.config.Labels["org.opencontainers.image.version"])
      local layer = blob(manifest.layers[1].digest)
      local plain = shell.run(("gzip -dc %s | sha256sum"):format(layer)):match "^%x+"
      assert.are.equal("sha256:" .. plain, config.rootfs.diff_ids[1])
      assert.is_true(manifest.layers[1].size <= MOST_BYTES, arch)
    end
  end)

  it("is the same bytes when it is made again", function()
    local folder = shell.folder()
    for index = 1, 2 do
      local line = "SOURCE_DATE_EPOCH=1000000000 .package/layer %s %s/%d.tar.gz && "
        .. "lua5.4 .package/image.lua %s/%d 1.2.3 1000000000 amd64=%s/%d.tar.gz"
      local out, code = shell.run(line:format(os.getenv "STATIC_FOLDER", folder, index, folder,
        index, folder, index))
      assert.are.equal(0, code, out)
    end
    local out, code = shell.run(("diff -r %s/1 %s/2 2>&1"):format(folder, folder))
    shell.remove(folder)
    assert.are.equal(0, code, out)
  end)

  it("is one that skopeo and umoci read", function()
    if not os.execute "command -v skopeo >/dev/null && command -v umoci >/dev/null" then
      return pending "skopeo and umoci are not installed"
    end
    local folder = shell.folder()
    local line = "{ skopeo inspect oci:%s:%s && skopeo copy --quiet --override-arch amd64 "
      .. "oci:%s:%s oci:%s/copy:one && umoci unpack --image %s/copy:one %s/bundle; } 2>&1"
    local version = require "watchbot.version"
    local out, code = shell.run(line:format(LAYOUT, version, LAYOUT, version, folder, folder,
      folder))
    shell.remove(folder)
    assert.are.equal(0, code, out)
  end)

  it("runs as its user on a read-only root", function()
    local layer = blob(platforms().amd64.layers[1].digest)
    local out, code = shell.run(([[exec 2>&1; set -e
      root=$(mktemp -d)
      chmod 755 $root
      tar -C $root -xpzf %s
      stat -c '%%u %%a' $root/home/watchbot $root/tmp
      mkdir -p $root/dev
      : > $root/dev/null
      mount --bind $root $root
      mount -o remount,ro,bind $root
      mount -t tmpfs tmpfs $root/tmp
      mount --bind /dev/null $root/dev/null
      run="chroot --userspec=65532:65532 $root /usr/bin/watchbot"
      $run send --queue sqlite:/tmp/j.db hello
      echo 'return require "watchbot".policy {
        queue = "sqlite:/tmp/j.db", handler = function() end }' > $root/tmp/policy.lua
      timeout 60 $run run --drain /tmp/policy.lua
      $run send --queue sqlite:/home/watchbot/j.db hello || echo status $?
      umount $root/dev/null $root/tmp $root
      rm -rf $root
    ]]):format(layer))
    assert.are.equal(0, code, out)
    assert.matches("^65532 755\n0 1777\n", out)
    assert.matches('"complete":1', out, 1, true)
    assert.matches("read-only file system\nstatus 1\n", out, 1, true)
  end)

  -- What `watchbot init` writes was an image that had to be built from source first.
  it("has what the Dockerfiles of `watchbot init` take from it", function()
    local folder = shell.folder()
    local layer = blob(platforms().amd64.layers[1].digest)
    for _, kind in ipairs { "--mode process", "--mode task", "--lambda python", "--lambda node" } do
      local out, code = shell.run(("%s/watchbot init %s %s/tiles 2>&1"):format(shell.build, kind,
        folder))
      assert.are.equal(0, code, out)
      local text = shell.read(folder .. "/tiles/Dockerfile")
      assert.are.equal("watchbot:" .. require "watchbot.version",
        text:match "\nARG WATCHBOT=(%S+)\nFROM %${WATCHBOT} AS watchbot\n")
      for files in text:gmatch "COPY %-%-from=watchbot ([^\n]+) %S+\n" do
        out, code = shell.run(("tar -tzf %s ./%s 2>&1"):format(layer,
          (files:sub(2):gsub(" /", " ./"))))
        assert.are.equal(0, code, out)
      end
      shell.remove(folder .. "/tiles")
    end
    shell.remove(folder)
  end)

  it("is read by skopeo from the archive of a release, for one platform and for all", function()
    if not os.execute "command -v skopeo >/dev/null" then
      return pending "skopeo is not installed"
    end
    local folder = shell.folder()
    local out, code = shell.run(([[exec 2>&1; set -e
      tar -C %s -czf %s/oci.tar.gz .
      skopeo copy --quiet oci-archive:%s/oci.tar.gz:%s docker-archive:%s/one.tar:watchbot:one
      skopeo copy --quiet --all oci-archive:%s/oci.tar.gz:%s oci:%s/all:all
    ]]):format(LAYOUT, folder, folder, require "watchbot.version", folder, folder,
      require "watchbot.version", folder))
    shell.remove(folder)
    assert.are.equal(0, code, out)
  end)
end)
