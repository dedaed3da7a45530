-- The console's files, carried in the program and read from the tree.

local assets = require "watchbot.console.assets"
local console = require "support.console"
local shell = require "support.shell"
local workshop = require "support.workshop"

describe("the files of the console", function()
  it("are those of the tree, with a version that follows their bytes", function()
    for _, name in ipairs { "style.css", "tables.css", "script.js", "icon.svg" } do
      local asset = assets.get(name)
      assert.are.equal(shell.read("lua/watchbot/console/" .. name), asset.bytes)
      assert.matches("^%x+$", asset.version)
    end
    assert.are_not.equal(assets.get "style.css".version, assets.get "script.js".version)
  end)

  it("are these and no others", function()
    for _, name in ipairs { "init.lua", "", "../console/style.css", "style", "style.css/" } do
      assert.is_nil(assets.get(name))
    end
  end)

  it("are the same in the program", workshop.task(function(folder)
    local visitor <close> = console.start(folder)
    for name, kind in pairs {
      ["style.css"] = "text/css", ["tables.css"] = "text/css", ["script.js"] = "text/javascript",
      ["icon.svg"] = "image/svg%+xml",
    } do
      local response = visitor:ask("/" .. name)
      assert.are.equal(assets.get(name).bytes, response.body)
      assert.matches("^" .. kind, response.headers["content-type"])
    end
  end))

  -- A page has no inline script: everything that it needs is here, nothing comes from elsewhere.
  it("name no other address", function()
    for _, name in ipairs { "style.css", "tables.css", "script.js" } do
      local bytes = assets.get(name).bytes
      assert.is_nil(bytes:find("//%w", 1, false) and bytes:find("https?://"), name)
      assert.is_nil(bytes:find("url(", 1, true), name)
      assert.is_nil(bytes:find("@import", 1, true), name)
    end
  end)
end)
