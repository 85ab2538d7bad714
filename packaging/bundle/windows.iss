; Inno Setup's recipe for Windows, run by packaging/build.py, which gives Version, Bundle, Icon, Out and File.
; Not yet run: it was written on Linux.
;
; For the user alone unless run as administrator. What it removes is what it brought: projects, settings and logs lie in
; the user's own folders and stay.

[Setup]
AppId={{6B0C3F0E-7E0A-4B0B-9C57-2C4B7E3C5A11}
AppName=CXR Explorer
AppVersion={#Version}
AppPublisher=CXR Explorer contributors
DefaultDirName={autopf}\CXR Explorer
DefaultGroupName=CXR Explorer
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesAssociations=yes
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
LicenseFile={#Bundle}\LICENSE.txt
SetupIconFile={#Icon}
UninstallDisplayIcon={app}\CXR Explorer.exe
OutputDir={#Out}
OutputBaseFilename={#File}

[InstallDelete]
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{autoprograms}\CXR Explorer"; Filename: "{app}\CXR Explorer.exe"; Parameters: "open"
Name: "{autoprograms}\CXR Explorer: licences"; Filename: "{app}\licences\README.md"

[Registry]
Root: HKA; Subkey: "Software\Classes\.cxr\OpenWithProgids"; ValueType: string; ValueName: "CXRExplorer.project"; ValueData: ""; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\CXRExplorer.project"; ValueType: string; ValueData: "CXR Explorer project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\CXRExplorer.project\DefaultIcon"; ValueType: string; ValueData: "{app}\CXR Explorer.exe,0"
Root: HKA; Subkey: "Software\Classes\CXRExplorer.project\shell\open\command"; ValueType: string; ValueData: """{app}\CXR Explorer.exe"" open ""%1"""

[Run]
Filename: "{app}\CXR Explorer.exe"; Parameters: "open"; Description: "Open CXR Explorer"; Flags: nowait postinstall skipifsilent
