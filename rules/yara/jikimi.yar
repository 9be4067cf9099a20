/*
  Rules of our own for what starts on a client's computer or comes on a stick. Each says one thing that no ordinary file
  of an office does; a company's virus scanner knows families of malware, and more rules or lists of hashes may be named
  in the agent's settings (`malware`).
*/
import "pe"

rule EICAR_test_file
{
  meta:
    description = "The test file that every virus scanner finds; harmless"
    reference = "https://www.eicar.org/download-anti-malware-testfile/"
  strings:
    $test = "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
  condition:
    $test and filesize < 256
}

rule Autorun_starts_a_program
{
  meta:
    description = "autorun.inf that starts a program when a stick is put in"
  strings:
    $section = /^\xEF?\xBB?\xBF?\s*\[autorun/i
    $open = /\b(open|shellexecute|shell\\[a-z]+\\command)\s*=\s*\S+\.(exe|scr|cmd|bat|vbs|js|ps1)/i
  condition:
    filesize < 64KB and $section at 0 and $open
}

rule Shortcut_runs_a_script_host
{
  meta:
    description = "A shortcut (.lnk) that runs PowerShell, a script host or a download, as worms on sticks do"
  strings:
    $lnk = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
    $powershell = "powershell" ascii wide nocase
    $mshta = "mshta" ascii wide nocase
    $script = "wscript" ascii wide nocase
    $hidden = /-w(indowstyle)?\s+h/ ascii wide nocase
    $encoded = / -e(nc|ncodedcommand)?\s+[A-Za-z0-9+\/=]{40}/ ascii wide nocase
    $download = /https?:\/\// ascii wide nocase
  condition:
    $lnk at 0 and (($powershell and ($hidden or $encoded or $download)) or $mshta or ($script and $download))
}

rule Program_that_looks_like_a_document
{
  meta:
    description = "A Windows program whose own name ends like a document's, as in invoice.pdf.exe"
  strings:
    $name = /[^\\\/:*?"<>|\x00]{1,80}\.(pdf|hwp|hwpx|docx?|xlsx?|pptx?|jpg|png|dwg)\.(exe|scr|com)\x00/ nocase ascii wide
  condition:
    pe.is_pe and $name
}

rule Office_macro_downloads_and_runs
{
  meta:
    description = "An Office document whose macro starts by itself, fetches something and runs it"
  strings:
    $ole = { D0 CF 11 E0 A1 B1 1A E1 }
    $auto = /auto_?open|document_open|workbook_open/ nocase
    $fetch = /urldownloadtofile|xmlhttp|winhttprequest|adodb\.stream/ nocase
    $run = /wscript\.shell|shell\.application|createprocess/ nocase
  condition:
    $ole at 0 and all of ($auto, $fetch, $run)
}

rule Ransom_note
{
  meta:
    description = "A short text that asks for money for encrypted files"
  strings:
    $encrypted = /your\s+(files|documents|network)\s+(have\s+been|are|were|has\s+been)\s+encrypted/ nocase ascii wide
    $korean = "파일이 암호화"
    $pay1 = "bitcoin" nocase ascii wide
    $pay2 = ".onion" nocase ascii wide
    $pay3 = "비트코인"
    $pay4 = /decrypt(or|ion)?\s+(key|tool)/ nocase ascii wide
  condition:
    filesize < 200KB and ($encrypted or $korean) and any of ($pay*)
}
