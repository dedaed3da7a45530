-- The list of what is in the static program follows the rules of SPDX 2.3, for scanners to read it.
-- It left out the C library, in which most security updates are.
-- https://spdx.github.io/spdx-spec/v2.3/

local cjson = require "cjson"
local shell = require "support.shell"

-- Of https://spdx.org/licenses.
local LICENSES = {
  MIT = true, curl = true, blessing = true, ["Apache-2.0"] = true, ["MPL-2.0"] = true,
  ["LGPL-2.1-or-later"] = true, ["GPL-3.0-or-later WITH GCC-exception-3.1"] = true,
}

local folder, document, text

local function write_sbom(epoch)
  local out, code = shell.run(("%s 1.2.3 amd64 %d %s 2>&1"):format(
    shell.lua(shell.root .. "/.package/sbom.lua"), epoch, folder))
  assert.are.equal(0, code, out)
  return out
end

setup(function()
  folder = shell.folder()
  local packages = {}
  for _, name in ipairs { "openssl", "sqlite3", "expat", "c-ares", "lua5.4", "lua-cjson",
    "lua-expat", "ca-certificates" } do
    packages[#packages + 1] = ("lib%s-dev 1.0+deb12u1 %s 1.0-1+deb12u1~x\n"):format(name, name)
  end
  shell.write(folder .. "/packages", table.concat(packages))
  shell.write(folder .. "/compiler", "glibc 2.36-9+deb12u14 "
    .. "glibc@2.36-9+deb12u14?arch=source\nlibgcc 12.2.0-14 gcc-12@12.2.0-14?arch=source\n")
  assert(os.execute(("mkdir %s/source"):format(folder)))
  shell.write(folder .. "/source/curl_7.88.1-10+deb12u15.dsc", "")
  text = write_sbom(1000000000)
  document = cjson.decode(text)
end)
teardown(function() shell.remove(folder) end)

local function is_id(id) return type(id) == "string" and id:find "^SPDXRef%-[%w.-]+$" ~= nil end

describe("the SPDX document", function()
  it("says what it is, and when and by what it was made", function()
    assert.are.equal("SPDX-2.3", document.spdxVersion)
    assert.are.equal("CC0-1.0", document.dataLicense)
    assert.are.equal("SPDXRef-DOCUMENT", document.SPDXID)
    assert.are.equal("watchbot-1.2.3-linux-amd64", document.name)
    -- An absolute URI without a fragment, another one for each document.
    assert.matches("^%a[%w+.-]*:[^#%s]+$", document.documentNamespace)
    assert.matches("1.2.3.*amd64", document.documentNamespace)
    assert.are.equal("2001-09-09T01:46:40Z", document.creationInfo.created)
    for _, creator in ipairs(document.creationInfo.creators) do
      assert.matches("^Tool: %S+%-%S+$", creator)
    end
  end)

  it("has what each package must have, under an identifier of its own", function()
    local ids = {}
    for _, package in ipairs(document.packages) do
      assert.is_true(is_id(package.SPDXID), package.SPDXID)
      assert.is_nil(ids[package.SPDXID])
      ids[package.SPDXID] = package
      assert.are.equal("string", type(package.name))
      assert.are.equal("NOASSERTION", package.downloadLocation)
      assert.is_true(LICENSES[package.licenseConcluded], package.name)
      assert.is_true(LICENSES[package.licenseDeclared], package.name)
      assert.are.equal("NOASSERTION", package.copyrightText)
      assert.is_false(package.filesAnalyzed)
      for _, reference in ipairs(package.externalRefs or {}) do
        assert.are.equal("PACKAGE-MANAGER", reference.referenceCategory)
        assert.are.equal("purl", reference.referenceType)
        -- A plus sign is a space in a URL, a tilde is not escaped.
        assert.matches("^pkg:deb/debian/[%w.-]+@[%w.~-]+[%w.~%%-]*%?arch=source$",
          reference.referenceLocator)
      end
    end
    assert.are.equal("pkg:deb/debian/gcc-12@12.2.0-14?arch=source",
      ids["SPDXRef-libgcc"].externalRefs[1].referenceLocator)
    for _, name in ipairs { "watchbot", "openssl", "curl", "glibc", "libgcc" } do
      assert.is_table(ids["SPDXRef-" .. name], name)
    end
  end)

  it("describes watchbot, which contains the others", function()
    local contained = 0
    for index, relation in ipairs(document.relationships) do
      assert.is_true(is_id(relation.spdxElementId) and is_id(relation.relatedSpdxElement))
      assert.are.equal(index == 1 and "DESCRIBES" or "CONTAINS", relation.relationshipType)
      assert.are.equal(index == 1 and "SPDXRef-DOCUMENT" or "SPDXRef-watchbot",
        relation.spdxElementId)
      contained = contained + (index == 1 and 0 or 1)
    end
    assert.are.equal(#document.packages - 1, contained)
  end)

  it("is the same bytes for the same input", function()
    assert.are.equal(text, write_sbom(1000000000))
  end)
end)
