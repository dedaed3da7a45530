-- A release that cannot be rebuilt has to be trusted: the same sources give the same bytes, in
-- whatever folder they are. The path of the folder stood in the program's debug information.

local shell = require "support.shell"

local STATIC = os.getenv "STATIC_FOLDER" or "build/static/amd64"

-- A copy of the tree that builds all but the packages of Debian, which are as they were downloaded.
local COPY = [[exec 2>&1; set -e
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -pt %s
  mkdir -p %s/%s
  cd %s
  cp -a apt debs packages root %s/%s/
  mkdir -p %s/%s/source && cp -p source/curl_* %s/%s/source/
]]

describe("the static program and the image", function()
  local folder

  setup(function()
    folder = shell.folder() .. "/another-folder-with-a-longer-name"
    assert(os.execute("mkdir -p " .. folder))
    local out, code = shell.run((COPY:gsub("%%s/%%s", folder .. "/" .. STATIC)
      :gsub("%%s", folder, 1):gsub("%%s", STATIC, 1)))
    assert.are.equal(0, code, out)
    local line = "cd %s && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make ARCH=%s static 2>&1"
    out, code = shell.run(line:format(folder, STATIC:match "[^/]+$"))
    assert.are.equal(0, code, out:sub(-2000))
  end)
  teardown(function() shell.remove(folder:match "^(.*)/") end)

  local function same(path)
    local out, code = shell.run(("cmp %s %s/%s 2>&1"):format(path, folder, path))
    assert.are.equal(0, code, out)
  end

  it("are the same bytes when they are built in another folder", function()
    assert.are.equal("", (shell.run(("strings %s/%s/build/watchbot | grep -F %s"):format(folder,
      STATIC, folder))))
    same(STATIC .. "/watchbot")
    same(STATIC .. "/watchbot-log")
    local out, code = shell.run(([[exec 2>&1; set -e
      export SOURCE_DATE_EPOCH=1000000000
      .package/layer %s %s/one.tar.gz
      cd %s
      .package/layer %s two.tar.gz
      cmp one.tar.gz two.tar.gz]]):format(STATIC, folder, folder, STATIC))
    assert.are.equal(0, code, out)
  end)
end)
