;;; Run by test_eglot.py:  emacs -Q --batch -l CONFIGURATION -l eglot_smoke.el PROJECT   -*- lexical-binding: t -*-
;; CONFIGURATION is the block of docs/editors.md; exit status 0 = pass.

(defvar smoke-failures 0)

(defun smoke-check (what expected got)
  (let ((ok (equal expected got)))
    (princ (format "%s %s%s\n" (if ok "ok  " "FAIL") what
                   (if ok "" (format ": expected %S, got %S" expected got))))
    (unless ok (setq smoke-failures (1+ smoke-failures)))))

(defun smoke-settle (server)
  "Wait until all that was sent to SERVER is searchable."
  (eglot--signal-textDocument/didChange)
  (jsonrpc-request server :conexus/waitForRevision '(:complete t) :timeout 60))

(defun smoke-place ()
  "Return the file, line and text that point is at."
  (list (file-relative-name (buffer-file-name) smoke-project)
        (line-number-at-pos)
        (buffer-substring-no-properties (point) (line-end-position))))

(defun smoke-first ()
  "Go to the first entry of the list xref shows, if it shows one."
  (when (get-buffer "*xref*")
    (with-current-buffer "*xref*"
      (goto-char (point-min))
      (xref-next-line)
      (xref-goto-xref)))
  (set-buffer (window-buffer)))

(defvar smoke-project (pop command-line-args-left))

(setq eglot-sync-connect t eglot-autoshutdown t eglot-connect-timeout 60)
(condition-case problem
    (progn
      (find-file (expand-file-name "shop/mail.py" smoke-project))
      (apply #'eglot--connect (eglot--guess-contact))
      (let ((server (eglot-current-server)) hits)
        (smoke-check "the server is ours" "conexus"
                     (plist-get (eglot--server-info server) :name))
        (smoke-settle server)

        (conexus-search "bestimme_größe")
        (smoke-first)
        (smoke-check "a search leads to the line, in a file with spaces, # and umlauts"
                     '("c# code/größe #1.py" 2 "def bestimme_größe(maß):  # 😀 Schuhgröße")
                     (smoke-place))

        (find-file (expand-file-name "shop/mail.py" smoke-project))
        (goto-char (point-min))
        (insert "# 😀\n\n\ndef print_parcel_label(address):\n    return address.zip_code\n\n\n")
        (smoke-settle server)
        (when (get-buffer "*xref*") (kill-buffer "*xref*"))
        (conexus-search "print_parcel_label")
        (smoke-first)
        (smoke-check "unsaved text is found"
                     '("shop/mail.py" 4 "def print_parcel_label(address):") (smoke-place))

        (when (get-buffer "*xref*") (kill-buffer "*xref*"))
        (xref-find-apropos "send_invoice")
        (smoke-first)
        (smoke-check "symbols of the workspace are found"
                     '("shop/mail.py" 8 "def send_invoice(customer, basket):") (smoke-place))

        (setq hits (plist-get (jsonrpc-request server :workspace/executeCommand
                                               '(:command "conexus.server.search"
                                                 :arguments [(:query "print_parcel_label")]))
                              :hits))
        (smoke-check "the command answers like the request" "shop/mail.py"
                     (plist-get (elt hits 0) :path))

        (set-buffer-modified-p nil)
        (eglot-shutdown server nil 20)
        (smoke-check "the server ends in order" nil (jsonrpc-running-p server))))
  (error (smoke-check "no error" nil problem)))
(kill-emacs (if (zerop smoke-failures) 0 1))
